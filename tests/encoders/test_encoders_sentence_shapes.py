"""Folders in the shapes that sentence-transformers' models have in the world: they load, or a sentence says why not."""

import json
import shutil

import pytest
import torch
from hostile_models import HOSTILE, WORDS, outcome, sentence_folder, tokenizer_files
from safetensors.torch import save_file

from memometer.embeddings import load_encoder

OLD = "sentence_transformers.models"
POOLING = {
    "word_embedding_dimension": 16,
    "pooling_mode_cls_token": False,
    "pooling_mode_mean_tokens": True,
    "pooling_mode_max_tokens": False,
    "pooling_mode_mean_sqrt_len_tokens": False,
}
LAST = {**POOLING, "pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True, "include_prompt": True}
IDENTITY = "torch.nn.modules.linear.Identity"


def modules(*names, place=OLD):
    """``Transformer`` at the root, and others each in a folder of its own."""
    return [
        {"idx": n, "name": str(n), "path": f"{n}_{name.rpartition('.')[2]}" if n else "", "type": f"{place}.{name}"}
        for n, name in enumerate(names)
    ]


PLAIN = modules("Transformer", "Pooling", "Normalize")
BASE = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
KINDS = {
    "bert": {},
    "distilbert": {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16},
    "xlm-roberta": {"pad_token_id": 0},
    "mpnet": {"pad_token_id": 0},
    "modernbert": {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "global_attn_every_n_layers": 1},
    "qwen3": {"num_key_value_heads": 1, "head_dim": 8, "max_window_layers": 1, "use_sliding_window": False},
    "gemma3_text": {"num_key_value_heads": 1, "head_dim": 8, "use_bidirectional_attention": True, "pad_token_id": 0},
    "t5": {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One folder of each kind of transformer, with its config, weights and tokenizer alone."""
    from transformers import AutoConfig, AutoModel, T5EncoderModel

    place = tmp_path_factory.mktemp("kinds")
    for kind, options in KINDS.items():
        config = AutoConfig.for_model(
            kind, vocab_size=len(WORDS), max_position_embeddings=64, **{**BASE, **options} if kind != "t5" else options
        )
        model = T5EncoderModel(config) if kind == "t5" else AutoModel.from_config(config)
        model.save_pretrained(place / kind)
        tokenizer_files(place / kind)
    return place


def put(folder, files):
    """Writes files of a model, and weights beside the config of a dense layer."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        if isinstance(content, dict) and "out_features" in content:
            weight = torch.ones(content["out_features"], content["in_features"])
            bias = {"linear.bias": torch.zeros(content["out_features"])} if content["bias"] else {}
            torch.save({"linear.weight": weight, **bias}, path.parent / "pytorch_model.bin")


DENSE = {"in_features": 16, "out_features": 8, "bias": True, "activation_function": "torch.nn.modules.activation.Tanh"}
BARE = {**DENSE, "bias": False, "activation_function": IDENTITY}
SHORT = {"max_seq_length": 12, "do_lower_case": False}
NEW = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
DENSE_AFTER = {"modules.json": modules("Transformer", "Pooling", "Dense"), "2_Dense/config.json": BARE}
DENSE_BETWEEN = {"modules.json": modules("Transformer", "Pooling", "Dense", "Normalize"), "2_Dense/config.json": DENSE}
SHAPES = {  # the kind of transformer, and files beside `PLAIN` and `POOLING`
    "e5": ("bert", {"sentence_bert_config.json": SHORT}),
    "all-MiniLM": (
        "bert",
        {
            "sentence_bert_config.json": {**SHORT, "max_seq_length": 16},
            "data_config.json": [{"name": "stackexchange_title/title.jsonl.gz", "lines": 304525, "weight": 15}],
            "config_sentence_transformers.json": {"__version__": {"sentence_transformers": "2.0.0"}},
            "train_script.py": "raise SystemExit",
        },
    ),
    "bge": (
        "xlm-roberta",
        {
            "1_Pooling/config.json": {**POOLING, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
            "onnx/config.json": {"model_type": "xlm-roberta", "_name_or_path": "BAAI/bge-m3"},
            "onnx/tokenizer_config.json": {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 8192},
        },
    ),
    "LaBSE": ("bert", DENSE_BETWEEN),
    "clip-ViT-B-32-multilingual": ("distilbert", DENSE_AFTER),
    "distiluse": (
        "distilbert",
        {**DENSE_AFTER, "sentence_distilbert_config.json": SHORT, "2_Dense/config.json": DENSE},
    ),
    "paraphrase-multilingual": (
        "xlm-roberta",
        {"modules.json": PLAIN[:2], "unigram.json": {"vocab": [["<s>", 0.0]]}},
    ),
    "sentence-t5": ("t5", {**DENSE_BETWEEN, "2_Dense/config.json": BARE}),
    "all-mpnet": ("mpnet", {}),
    "modernbert-embed": (
        "modernbert",
        {"1_Pooling/config.json": {**POOLING, "pooling_mode_weightedmean_tokens": False}},
    ),
    "Qwen3-Embedding": (
        "qwen3",
        {
            "1_Pooling/config.json": LAST,
            "config_sentence_transformers.json": {
                "prompts": {"query": "Instruct: Given a web search query\nQuery:", "document": ""},
                "default_prompt_name": None,
                "similarity_fn_name": "cosine",
            },
        },
    ),
    "embeddinggemma": (
        "gemma3_text",
        {
            "modules.json": modules("Transformer", "Pooling", "Dense", "Dense", "Normalize"),
            "sentence_bert_config.json": SHORT,
            "1_Pooling/config.json": {**POOLING, "include_prompt": True},
            "2_Dense/config.json": {**BARE, "out_features": 24},
            "3_Dense/config.json": {**BARE, "in_features": 24, "out_features": 16},
            "config_sentence_transformers.json": {
                "model_type": "SentenceTransformer",
                "prompts": {"query": "task: search result | query: ", "STS": "task: sentence similarity | query: "},
                "default_prompt_name": None,
                "similarity_fn_name": "cosine",
            },
        },
    ),
    "options": (
        "bert",
        {
            "sentence_bert_config.json": {
                **SHORT,
                "model_args": {"torch_dtype": "float32", "attn_implementation": "eager", "add_pooling_layer": False},
                "tokenizer_args": {"padding_side": "left", "use_fast": True},
                "config_args": {"use_cache": False},
                "tokenizer_name_or_path": None,
            },
        },
    ),
    "version 5": (
        "bert",
        {
            "modules.json": modules("Transformer.Transformer", "Pooling.Pooling"),
            "sentence_bert_config.json": SHORT,
        },
    ),
    "version 6": (
        "bert",
        {
            "modules.json": [
                *modules("transformer.Transformer", place="sentence_transformers.base.modules"),
                *modules("", "pooling.Pooling", place="sentence_transformers.sentence_transformer.modules")[1:],
            ],
            "sentence_bert_config.json": {**NEW, "unpad_inputs": False, "processing_kwargs": {}},
            "1_Pooling/config.json": {"embedding_dimension": 16, "pooling_mode": "mean", "include_prompt": True},
        },
    ),
}


def shaped(folders, kind, folder, files):
    """A folder of a kind of transformer with `PLAIN` and `POOLING`, or the files that are given instead."""
    shutil.copytree(folders / kind, folder)
    put(folder, {"modules.json": PLAIN, "1_Pooling/config.json": POOLING, **files})
    return folder


def test_folders_of_the_world_load(folders, tmp_path):
    assert outcome(f"text:{folders / 'bert'}", never=tmp_path) == "loaded", "without modules"
    for name, (kind, files) in SHAPES.items():
        told = outcome(f"text:{shaped(folders, kind, tmp_path / name.replace(' ', '-'), files)}", never=tmp_path)
        assert told == "loaded", (name, told)


REFUSED = {
    "jina v2": (
        {"sentence_bert_config.json": {**SHORT, "model_args": {"trust_remote_code": True}}},
        "trust_remote_code; memometer runs no code of a model's own; embed the texts with its own library",
    ),
    "jina v3": (
        {"modules.json": [{"idx": 0, "name": "transformer", "path": "", "type": "custom_st.Transformer"}]},
        "names the class custom_st.Transformer, which could run code",
    ),
    "gte v1.5": (
        {"config.json": {"model_type": "new", "auto_map": {"AutoModel": "Alibaba-NLP/new-impl--modeling.NewModel"}}},
        "needs code of its own (auto_map), which memometer does not run; embed the texts with its own library",
    ),
    "adapter": ({"adapter_config.json": {"base_model_name_or_path": "BAAI/bge"}}, "is an adapter to another model"),
    "capitals": ({"1_X/CONFIG.JSON": {**DENSE, "activation_function": "evil.Evil"}}, "names the class evil.Evil"),
    "capitals of an adapter": ({"Adapter_Config.json": {}}, "is an adapter to another model"),
    "router": (
        {"modules.json": [{"idx": 0, "name": "0", "path": "", "type": f"{OLD}.Router"}], "router_config.json": {}},
        "has a Router, several encoders of which a text alone names none",
    ),
    "asym": ({"modules.json": modules("Transformer", "Pooling", "Asym")}, "has a Router"),
    "another tokenizer": (
        {
            "modules.json": modules("WordEmbeddings", "Pooling"),
            "wordembedding_config.json": {"tokenizer_class": f"{OLD}.tokenizer.TransformersTokenizerWrapper"},
        },
        "names the class sentence_transformers.models.tokenizer.TransformersTokenizerWrapper, which could run code",
    ),
    "quantised": (
        {"config.json": {"model_type": "bert", "quantization_config": {"quant_method": "fp8"}}},
        "save them in full precision",
    ),
    "unknown": ({"sentence_bert_config.json": {**SHORT, "peft": "x"}}, "has the option 'peft' = 'x'"),
}


def test_folders_that_need_more_are_refused_with_what_to_do(folders, tmp_path):
    for name, (files, words) in REFUSED.items():
        folder = shaped(folders, "bert", tmp_path / name.replace(" ", "-"), {**files, "evil.py": ""})
        told = outcome(f"text:{folder}", never=tmp_path)
        assert words in told, (name, told)


def test_code_that_a_folder_names_and_that_is_not_run_is_said(folders, tmp_path):
    config = json.loads((folders / "qwen3" / "config.json").read_text())
    code = {"config.json": {**config, "auto_map": {"AutoModel": "modeling_qwen.Qwen2Model"}}}
    folder = shaped(folders, "qwen3", tmp_path / "m", {"1_Pooling/config.json": LAST, **code})
    [warning] = load_encoder(f"text:{folder}").warnings
    assert "names code of its own (auto_map), which memometer does not run: transformers' own qwen3 is used" in warning


def test_a_folder_that_is_a_link_is_looked_into(folders, tmp_path):
    folder = shaped(folders, "bert", tmp_path / "m", {"modules.json": modules("Transformer", "Pooling", "Dense")})
    put(tmp_path / "elsewhere", {"config.json": {**DENSE, "activation_function": "evil.Evil"}})
    (folder / "2_Dense").symlink_to(tmp_path / "elsewhere")
    (folder / "again").symlink_to(folder)
    assert "names the class evil.Evil" in outcome(f"text:{folder}", never=folder)


FEATURES = {
    **NEW,
    "modality_config": {
        kind: {"method": f"get_{kind}_features", "method_output_name": "pooler_output"} for kind in ("text", "image")
    },
    "module_output_name": "sentence_embedding",
}


def test_both_towers_of_a_clip_load_as_a_text_encoder(tmp_path):
    """``clip-ViT-B-32``'s layout, and that of version 6."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    text = {**BASE, "vocab_size": len(WORDS), "max_position_embeddings": 16, "bos_token_id": 2, "eos_token_id": 3}
    vision = {**BASE, "image_size": 32, "patch_size": 16}
    config = CLIPConfig(text_config={**text, "pad_token_id": 0}, vision_config=vision, projection_dim=8)
    for name, path, kind in (("m", "0_CLIPModel", "CLIPModel"), ("n", "", "Transformer")):
        folder = tmp_path / name / path
        CLIPModel(config).save_pretrained(folder)
        tokenizer_files(folder)
        CLIPImageProcessor(size={"shortest_edge": 32}).save_pretrained(folder)
        put(tmp_path / name, {"modules.json": [{**modules(kind)[0], "path": path}]})
        if not path:
            put(folder, {"sentence_bert_config.json": FEATURES})
        assert load_encoder(f"text:{tmp_path / name}").encode_texts(["a b"]).shape == (1, 8)


def test_the_template_of_a_chat_runs_nothing(folders, tmp_path):
    """Where a folder has texts encoded as messages, the library renders its template in a sandbox."""
    method = {"method": "forward", "method_output_name": "last_hidden_state"}
    messages = {**NEW, "modality_config": {"text": method, "message": {**method, "format": "flat"}}}
    template = {"chat_template.jinja": f"{HOSTILE[7]}{{{{ messages[0]['content'] }}}}"}
    folder = shaped(folders, "bert", tmp_path / "m", {"sentence_bert_config.json": messages, **template})
    assert "is unsafe" in outcome(f"text:{folder}", never=folder)


# --- encoders without a transformer


def word_vectors(folder, *, vocabulary, tokenizer):
    """GloVe's layout, as ``average_word_embeddings_glove.6B.300d`` has it."""
    inner = folder / "0_WordEmbeddings"
    options = {"tokenizer_class": tokenizer, "update_embeddings": False, "max_seq_length": 1000000}
    words = {"vocab": vocabulary, "stop_words": ["the", "of"], "do_lower_case": False}
    put(inner, {"wordembedding_config.json": options, "whitespacetokenizer_config.json": words})
    first = {**modules("WordEmbeddings")[0], "path": inner.name}
    put(folder, {"modules.json": [first, PLAIN[1]], "1_Pooling/config.json": POOLING})
    torch.save({"emb_layer.weight": torch.eye(8, 16)}, inner / "pytorch_model.bin")
    return folder


@pytest.mark.parametrize(
    "tokenizer",
    [
        f"{OLD}.tokenizer.WhitespaceTokenizer.WhitespaceTokenizer",
        f"{OLD}.tokenizer.WhitespaceTokenizer",
        "sentence_transformers.sentence_transformer.modules.tokenizer.whitespace.WhitespaceTokenizer",
    ],
)
def test_word_vectors_load_and_keep_their_identity(tmp_path, tokenizer):
    words = ["a", "dog", "cat", "runs", "b", "c", "d", "e"]
    first = word_vectors(tmp_path / "m", vocabulary=words, tokenizer=tokenizer)
    again = word_vectors(tmp_path / "n", vocabulary=words, tokenizer=tokenizer)
    other = word_vectors(tmp_path / "o", vocabulary=words[::-1], tokenizer=tokenizer)
    encoders = [load_encoder(f"text:{folder}") for folder in (first, again, other)]
    assert encoders[0].identity == encoders[1].identity != encoders[2].identity
    assert encoders[0].encode_texts(["the dog runs"])[0].nonzero()[0].tolist() == [1, 3]


@pytest.mark.parametrize("config", [None, {"model_type": "model2vec", "tokenizer_name": "someone/else"}])
def test_a_table_of_vectors_of_tokens_loads(folders, tmp_path, config):
    folder = tmp_path / "m"
    table = {"embeddings": torch.eye(len(WORDS))} if config else {"embedding.weight": torch.eye(len(WORDS))}
    path = "." if config else "0_StaticEmbedding"
    put(folder, {"modules.json": [{**modules("StaticEmbedding")[0], "path": path}]})
    (folder / path).mkdir(exist_ok=True)
    save_file(table, folder / path / "model.safetensors")
    shutil.copy(folders / "bert" / "tokenizer.json", folder / path)
    if config:
        put(folder, {"config.json": config})
    encoder = load_encoder(f"text:{folder}")
    assert encoder.encode_texts(["a b"]).shape == (1, len(WORDS))
    assert encoder.identity == load_encoder(f"text:{folder}").identity


def test_words_counted_load(tmp_path):
    bag = {"vocab": ["a", "b"], "word_weights": {"a": 2.0}, "unknown_word_weight": 1, "cumulative_term_frequency": True}
    put(tmp_path / "m", {"modules.json": [{**modules("BoW")[0], "path": "0_BoW"}], "0_BoW/config.json": bag})
    assert load_encoder(f"text:{tmp_path / 'm'}").encode_texts(["a b b"]).tolist() == [[2, 2]]


def test_the_good_folder_of_the_other_tests_has_no_warnings(tmp_path):
    assert load_encoder(f"text:{sentence_folder(tmp_path / 'm')}").warnings == ()
