"""Tiny models of transformers, one of each family that is loaded, in folders of the layout that the hub has.

Sizes are small, weights random, tokenizers real: of a few letters and words. The JSON files have the keys of published
models, whichever version of the library they were written by.
"""

import functools
import json

import torch

__all__ = ["FAMILIES", "IMAGE_ALONE", "TEXTS", "TWO_TOWERS", "bare_image_vectors", "bare_text_vectors", "hf_folder"]

TEXTS = ["a dog", "two cats beside a boat", "a kite, a lamp and a drum in the park " * 5, "A Horse!"]

SIDE = 32
MEAN, STD = [0.48, 0.45, 0.4], [0.26, 0.27, 0.28]
LETTERS = "abcdefghijklmnopqrstuvwxyz"

SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = {**SIZES, "image_size": SIDE, "patch_size": 8}


def hf_folder(folder, family, *, seed=0):
    """A model of ``family``, with everything that is beside it."""
    folder.mkdir(parents=True)
    make = FAMILIES[family]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, processor, tokenizer = make()
        for tensor in model.parameters():  # fresh ones are alike in every layer, and often zero
            torch.nn.init.normal_(tensor, std=0.3)
        for name, tensor in model.named_buffers():
            if name.endswith("running_var"):
                tensor.fill_(1.5)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    if tokenizer is not None:
        tokenizer(folder)
    return folder


def clip_processor(kind="CLIPImageProcessor", **changes):
    return {
        "image_processor_type": kind,
        "do_resize": True,
        "size": {"shortest_edge": SIDE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
        "do_convert_rgb": True,
        **changes,
    }


def square_processor(kind, **changes):
    settings = clip_processor(kind, size={"height": SIDE, "width": SIDE}, **changes)
    return {key: value for key, value in settings.items() if key not in ("do_center_crop", "crop_size")}


def align_processor():
    settings = clip_processor("EfficientNetImageProcessor", size={"height": 40, "width": 40}, resample=2)
    return {
        **settings,
        "rescale_factor": 1 / 127.5,
        "rescale_offset": True,
        "do_normalize": False,
        "include_top": False,
    }


def naflex_processor():
    return {
        "image_processor_type": "Siglip2ImageProcessor",
        "do_resize": True,
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "patch_size": 8,
        "max_num_patches": 16,
    }


def clip_tokenizer(folder, length=12):
    """Byte pairs in a vocabulary and merges; the end is the largest number, as in CLIP."""
    merges = ["d o", "do g</w>", "a t", "c at"]
    words = [*LETTERS, *"!,.'", *(f"{c}</w>" for c in [*LETTERS, *"!,.'"]), "do", "dog</w>", "at", "cat"]
    words = [*words, "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    special = {"bos_token": "<|startoftext|>", **dict.fromkeys(("eos_token", "pad_token", "unk_token"), words[-1])}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": length, "do_lower_case": True, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return len(words)


CLIP_WORDS = 2 * 30 + 4 + 2


def bert_tokenizer(folder, length=512):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "dog", "cat", *LETTERS, *(f"##{c}" for c in LETTERS), *"!,."]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    config = {"tokenizer_class": "BertTokenizer", "model_max_length": length, "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


BERT_WORDS = 7 + 52 + 3


def xlm_tokenizer(folder, length=20, start=()):
    """Pieces with their likelihoods, as XLM-R has them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁dog", "▁cat", "▁", *LETTERS, *"!,.", *start, "<mask>"]
    scores = [(piece, 0.0 if piece[0] == "<" else -float(n)) for n, piece in enumerate(pieces)]
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=3, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
    special |= {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    config = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": length, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


XLM_WORDS = 7 + 26 + 3 + 1


def gemma_tokenizer(folder, kind="GemmaTokenizer", length=10):
    """Byte pairs over whole sentences, padded to the full length without a mask, as SigLIP 2 has them."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *LETTERS, *"!,.", "do", "dog"]
    model = models.BPE({word: n for n, word in enumerate(words)}, [("d", "o"), ("do", "g")], unk_token="<unk>")  # noqa: S106
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Replace("▁", " ")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    config = {"tokenizer_class": kind, "model_max_length": length, "padding_side": "right", **special}
    config["model_input_names"] = ["input_ids"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


GEMMA_WORDS = 6 + 26 + 3 + 2


def clip():
    from transformers import CLIPConfig, CLIPModel

    text = {**SIZES, "vocab_size": CLIP_WORDS, "max_position_embeddings": 12, **_ends(CLIP_WORDS - 1)}
    config = CLIPConfig(text_config=text, vision_config=VISION, projection_dim=8)
    return CLIPModel(config), clip_processor(), clip_tokenizer


def clip_vision():
    from transformers import CLIPVisionConfig, CLIPVisionModel

    return CLIPVisionModel(CLIPVisionConfig(**VISION)), clip_processor(), None


def siglip():
    from transformers import SiglipConfig, SiglipModel

    text = {**SIZES, "vocab_size": GEMMA_WORDS, "max_position_embeddings": 10, "projection_size": 16, **_ends(1, pad=0)}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=VISION))
    return model, square_processor("SiglipImageProcessor"), gemma_tokenizer


def siglip_vision():
    from transformers import SiglipVisionConfig, SiglipVisionModel

    return SiglipVisionModel(SiglipVisionConfig(**VISION)), square_processor("SiglipImageProcessor"), None


def siglip2_vision():
    from transformers import Siglip2VisionConfig, Siglip2VisionModel

    return Siglip2VisionModel(Siglip2VisionConfig(**SIZES, patch_size=8, num_patches=16)), naflex_processor(), None


def siglip2():
    from transformers import Siglip2Config, Siglip2Model

    text = {**SIZES, "vocab_size": GEMMA_WORDS, "max_position_embeddings": 10, "projection_size": 16, **_ends(1, pad=0)}
    vision = {**SIZES, "patch_size": 8, "num_patches": 16}
    model = Siglip2Model(Siglip2Config(text_config=text, vision_config=vision))
    return model, naflex_processor(), gemma_tokenizer


def align():
    from transformers import AlignConfig, AlignModel

    text = {**SIZES, "vocab_size": BERT_WORDS, "max_position_embeddings": 64, "pad_token_id": 0}
    vision = {
        "image_size": SIDE,
        "width_coefficient": 0.25,
        "depth_coefficient": 0.25,
        "in_channels": [32, 16],
        "out_channels": [16, 24],
        "kernel_sizes": [3, 3],
        "strides": [1, 2],
        "num_block_repeats": [1, 2],
        "expand_ratios": [1, 6],
        "depthwise_padding": [],
        "hidden_dim": 16,
    }
    config = AlignConfig(text_config=text, vision_config=vision, projection_dim=8)
    return AlignModel(config), align_processor(), bert_tokenizer


def altclip():
    from transformers import AltCLIPConfig, AltCLIPModel

    text = {**SIZES, "vocab_size": XLM_WORDS, "max_position_embeddings": 22, "project_dim": 16, "type_vocab_size": 1}
    text |= {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    config = AltCLIPConfig(text_config=text, vision_config=VISION, projection_dim=8)
    return AltCLIPModel(config), clip_processor(), functools.partial(xlm_tokenizer, length=512)


def chinese_clip():
    from transformers import ChineseCLIPConfig, ChineseCLIPModel

    text = {**SIZES, "vocab_size": BERT_WORDS, "max_position_embeddings": 24}
    config = ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=8)
    processor = clip_processor("ChineseCLIPImageProcessor", size={"height": SIDE, "width": SIDE}, do_center_crop=False)
    return ChineseCLIPModel(config), processor, bert_tokenizer


def metaclip_2():
    from transformers import MetaClip2Config, MetaClip2Model

    text = {**SIZES, "vocab_size": XLM_WORDS, "max_position_embeddings": 12, **_ends(2, pad=1)}
    config = MetaClip2Config(text_config=text, vision_config=VISION, projection_dim=8)
    return MetaClip2Model(config), clip_processor(), functools.partial(xlm_tokenizer, length=12)


def blip(kind="BlipForImageTextRetrieval"):
    import transformers

    text = {**SIZES, "vocab_size": BERT_WORDS, "max_position_embeddings": 24, "encoder_hidden_size": 16}
    text |= {"pad_token_id": 0, "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3}
    config = transformers.BlipConfig(text_config=text, vision_config=VISION, image_text_hidden_size=8, projection_dim=8)
    return getattr(transformers, kind)(config), square_processor("BlipImageProcessor"), bert_tokenizer


def aimv2():
    from transformers import Aimv2Config, Aimv2Model

    text = {**SIZES, "vocab_size": CLIP_WORDS, "max_position_embeddings": 12, "eos_token_id": CLIP_WORDS - 1}
    vision = {**VISION, "use_head": True, "is_native": False}
    config = Aimv2Config(text_config=text, vision_config=vision, projection_dim=8)
    return Aimv2Model(config), clip_processor(), clip_tokenizer


def aimv2_vision():
    from transformers import Aimv2VisionConfig, Aimv2VisionModel

    return Aimv2VisionModel(Aimv2VisionConfig(**VISION, use_head=True)), clip_processor(), None


def dinov2():
    from transformers import Dinov2Config, Dinov2Model

    settings = clip_processor("BitImageProcessor", size={"shortest_edge": 37})
    return Dinov2Model(Dinov2Config(**_dino())), settings, None


def dinov2_registers():
    from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel

    settings = clip_processor("BitImageProcessor", size={"shortest_edge": 37})
    return Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**_dino(), num_register_tokens=2)), settings, None


def dinov3():
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    return DINOv3ViTModel(DINOv3ViTConfig(**VISION, num_register_tokens=2)), dinov3_processor(), None


def dinov3_convnext():
    from transformers import DINOv3ConvNextConfig, DINOv3ConvNextModel

    config = DINOv3ConvNextConfig(hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 2, 1], image_size=SIDE)
    return DINOv3ConvNextModel(config), dinov3_processor(), None


def dinov3_processor():
    settings = square_processor("DINOv3ViTImageProcessorFast", resample=2)
    return {key: value for key, value in settings.items() if key != "do_convert_rgb"}


def _dino():
    sizes = {key: value for key, value in VISION.items() if key != "intermediate_size"}
    return {**sizes, "mlp_ratio": 2}


def _ends(end, *, pad=None):
    return {"eos_token_id": end, "bos_token_id": 0, "pad_token_id": end if pad is None else pad}


TWO_TOWERS = {
    "CLIP": clip,
    "SigLIP": siglip,
    "SigLIP 2 NaFlex": siglip2,
    "ALIGN": align,
    "AltCLIP": altclip,
    "Chinese-CLIP": chinese_clip,
    "MetaCLIP 2": metaclip_2,
    "BLIP": blip,
    "BLIP, not of retrieval": functools.partial(blip, "BlipModel"),
    "AIMv2 with texts": aimv2,
}
IMAGE_ALONE = {
    "CLIP, image tower": clip_vision,
    "SigLIP, image tower": siglip_vision,
    "SigLIP 2 NaFlex, image tower": siglip2_vision,
    "AIMv2": aimv2_vision,
    "DINOv2": dinov2,
    "DINOv2 with registers": dinov2_registers,
    "DINOv3": dinov3,
    "DINOv3 ConvNeXt": dinov3_convnext,
}
FAMILIES = {**TWO_TOWERS, **IMAGE_ALONE}


def _open(folder):
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder)
    name = (config.architectures or [""])[0]
    kind = getattr(transformers, name)
    return kind.from_pretrained(folder, dtype=torch.float32).eval()


@torch.inference_mode()
def bare_image_vectors(folder, images, **processor):
    """What the library says, called by itself as its documentation has it.

    Args:
        folder: of the model.
        images: of Pillow.
        processor: options of the library's loader of processors.
    """
    import transformers

    made = transformers.AutoImageProcessor.from_pretrained(folder, **processor)(images, return_tensors="pt")
    model = _open(folder)
    if isinstance(model, transformers.BlipForImageTextRetrieval):
        return model.vision_proj(model.vision_model(**made).last_hidden_state[:, 0]).numpy()
    if not hasattr(model, "get_image_features"):
        return model(**made).pooler_output.numpy()
    found = model.get_image_features(**made)
    return (found if isinstance(found, torch.Tensor) else found.pooler_output).numpy()


@torch.inference_mode()
def bare_text_vectors(folder, texts, **options):
    """The same of texts, through the whole processor."""
    import transformers

    made = transformers.AutoProcessor.from_pretrained(folder)(
        text=texts, return_tensors="pt", **{"padding": True, "truncation": True, **options}
    )
    model = _open(folder)
    if isinstance(model, transformers.BlipForImageTextRetrieval):
        return model.text_proj(model.text_encoder(**made).last_hidden_state[:, 0]).numpy()
    found = model.get_text_features(**made)
    return (found if isinstance(found, torch.Tensor) else found.pooler_output).numpy()
