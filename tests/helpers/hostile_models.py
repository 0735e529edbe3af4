"""Tiny model folders of every layout, whose JSON files a test may change value by value."""

import contextlib
import copy
import json

import timm
import torch
from model_factory import TEXT, VISION
from safetensors.torch import save_file
from watching import sentence_of

from memometer.embeddings import load_encoder
from memometer.encoders.architectures import Architecture, build_model
from memometer.encoders.ssl_model import SslArchitecture, SslModel

__all__ = [
    "changed",
    "clip_folder",
    "outcome",
    "own_code",
    "sentence_folder",
    "ssl_folder",
    "timm_folder",
    "tokenizer_files",
    "with_values",
]

WRONG = (None, 7, -1, float("inf"), "x", [], {}, True, "x" * 100_000, [[["x", 7], []], [None]])
"""Values of other types; infinity is written as 1e400."""

HOSTILE = (
    "evil.Evil",
    "os.system",
    "someone/somewhere",
    "hf-hub:someone/somewhere",
    "local-dir:/tmp",
    "https://example.invalid/evil.pt",
    "../../../etc/passwd",
    "{{ cycler.__init__.__globals__.os.system('touch ran') }}",
    10**12,
    {"auto_map": {"AutoModel": "evil.Evil"}, "trust_remote_code": True},
)
"""Values that some library would import, download, open, render or count up to."""

VALUES = (*WRONG, *HOSTILE)

CLIP_CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "quick_gelu": False,
        "vision_cfg": {**VISION, "act_kwargs": {"approximate": "none"}, "norm_kwargs": {"eps": 1e-5}},
        "text_cfg": {**TEXT, "vocab_size": 49408, "tokenizer_kwargs": {"clean": "lower"}, "pool_type": "argmax"},
    },
    "preprocess_cfg": {
        "size": 32,
        "mode": "RGB",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
        "fill_color": 0,
    },
}
TIMM_CONFIG = {
    "architecture": "test_vit",
    "num_classes": 10,
    "num_features": 64,
    "global_pool": "token",
    "model_args": {"img_size": 160, "depth": 6, "act_layer": "gelu", "norm_layer": "layernorm"},
    "pretrained_cfg": {
        "tag": "r160_in1k",
        "custom_load": False,
        "input_size": [3, 160, 160],
        "fixed_input_size": True,
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "crop_mode": "center",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "num_classes": 10,
        "pool_size": None,
        "first_conv": "patch_embed.proj",
        "classifier": "head",
    },
}
SSL_CONFIG = {
    "objective": "simclr",
    "image_size": 32,
    "backbone": {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8], "stem": 8},
    "projector": {"widths": [8, 8], "activation": "relu", "batch_norm": True},
    "preprocess_cfg": CLIP_CONFIG["preprocess_cfg"],
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop"]


def clip_folder(folder, content=CLIP_CONFIG):
    """A CLIP in open_clip's layout."""
    folder.mkdir(parents=True)
    model = build_model(Architecture("tiny", CLIP_CONFIG["model_cfg"]))
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    return folder


def timm_folder(folder, content=TIMM_CONFIG):
    """A model in the hub's layout."""
    folder.mkdir(parents=True)
    save_file(timm.create_model("test_vit", num_classes=10).state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(content))
    return folder


def ssl_folder(folder, content=SSL_CONFIG):
    """A self-supervised model as memometer trains them."""
    folder.mkdir(parents=True)
    model = SslModel(SslArchitecture.from_json(SSL_CONFIG, source="test"))
    save_file(model.state_dict(), folder / "ssl_model.safetensors")
    (folder / "ssl_config.json").write_text(json.dumps(content))
    return folder


def tokenizer_files(folder):
    """The files of a tokenizer of transformers."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertTokenizerFast

    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token=WORDS[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    BertTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


def sentence_folder(folder):
    """A sentence-transformers model of one layer, with every kind of JSON file that such folders hold."""
    from transformers import BertConfig, BertModel

    folder.mkdir(parents=True)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer_files(folder)
    names = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    files = {
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
            {"idx": 3, "name": "3", "path": "3_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
        "sentence_bert_config.json": {"max_seq_length": 12, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "__version__": {"sentence_transformers": "5.0.0", "transformers": "4.55.0", "pytorch": "2.8.0"},
            "prompts": {"query": "a b ", "document": ""},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": 16,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "include_prompt": True,
        },
        "2_Dense/config.json": {
            "in_features": 16,
            "out_features": 8,
            "bias": True,
            "activation_function": "torch.nn.modules.activation.Tanh",
        },
        "special_tokens_map.json": dict(zip(names, ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"), strict=True)),
        "added_tokens.json": {"[EXTRA]": len(WORDS)},
        "generation_config.json": {"_from_model_config": True, "max_length": 20, "pad_token_id": 0},
        "preprocessor_config.json": {"do_resize": True, "size": 32},
        "processor_config.json": {"padding": "longest"},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    save_file(
        {"linear.weight": torch.zeros(8, 16), "linear.bias": torch.zeros(8)}, folder / "2_Dense/model.safetensors"
    )
    return folder


def own_code(folder, ran):
    """A model of a kind that the library does not have, with the code for it."""
    (folder / "own.py").write_text(
        f"""
from pathlib import Path
import torch
from transformers import PretrainedConfig, PreTrainedModel

Path({str(ran)!r}).touch()


class OwnConfig(PretrainedConfig):
    model_type = "own"


class OwnModel(PreTrainedModel):
    config_class = OwnConfig
    main_input_name = "pixel_values"

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(3, 5)
        self.post_init()

    def _init_weights(self, module):
        pass

    def get_image_features(self, pixel_values):
        return self.layer(pixel_values.mean(dim=(2, 3)))
"""
    )
    config = {
        "model_type": "own",
        "architectures": ["OwnModel"],
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"layer.weight": torch.ones(5, 3), "layer.bias": torch.zeros(5)}, folder / "model.safetensors")


def outcome(spec, *, never):
    """What loading ends in: nothing but a model or an error of memometer's own passes.

    Args:
        spec: of the model.
        never: where nothing is written either.
    """
    return sentence_of(lambda: load_encoder(spec), never=never) or "loaded"


@contextlib.contextmanager
def changed(path, text):
    """A file with other content, for as long as it is looked at."""
    before = path.read_bytes()
    path.unlink()  # it may be a link
    path.write_text(text)
    try:
        yield
    finally:
        path.write_bytes(before)


def with_values(content, *, each, of=1):
    """Where, and the text of ``content`` with another value there: at every place within it, and for the whole.

    Args:
        content: of a JSON file.
        each: how many of the values a place gets; the next place gets those that follow in turn.
        of: every how manieth place.
    """
    for turn, place in enumerate(list(_places(content))[::of]):
        for index in range(each):
            value = VALUES[(turn * each + index) % len(VALUES)]
            where = f"{'.'.join(map(str, place)) or 'all'} = {str(value)[:20]}"
            yield where, json.dumps(_put(content, place, value)).replace("Infinity", "1e400")


def _put(content, place, value):
    if not place:
        return value
    changed = inner = copy.deepcopy(content)
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


def _places(content, before=()):
    yield before
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, inner in items:
        yield from _places(inner, (*before, key))
