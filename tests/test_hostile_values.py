"""Every value of every file of a model, replaced by what does not belong there: it loads, or a sentence says why not.

Nothing runs, nothing calls out, and nothing else is raised. Each place gets a few of the values, in turn, so that every
value stands in many places.
"""

import json
import re
import time

import pytest
from hostile_models import changed, clip_folder, outcome, sentence_folder, ssl_folder, timm_folder, with_values

FOLDERS = {"open_clip": clip_folder, "timm": timm_folder, "ssl": ssl_folder, "text": sentence_folder}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One good folder of each layout; who changes a file puts it back."""
    place = tmp_path_factory.mktemp("models")
    return {scheme: make(place / scheme) for scheme, make in FOLDERS.items()}


def tried(scheme, path, text):
    """The outcome with other content of one file."""
    folder = next(parent for parent in path.parents if parent.name == scheme)
    with changed(path, text):
        return outcome(f"{scheme}:{folder}", never=folder / "never")


@pytest.mark.parametrize("scheme", FOLDERS)
def test_the_good_folders_load(folders, scheme):
    folder = folders[scheme]
    assert outcome(f"{scheme}:{folder}", never=folder / "never") == "loaded"


FILES = {
    "open_clip/open_clip_config.json": (1, 1),
    "timm/config.json": (2, 1),
    "ssl/ssl_config.json": (4, 1),
    "text/config.json": (2, 1),
    "text/tokenizer_config.json": (2, 1),
    "text/tokenizer.json": (1, 3),
    "text/modules.json": (2, 1),
    "text/sentence_bert_config.json": (8, 1),
    "text/config_sentence_transformers.json": (3, 1),
    "text/1_Pooling/config.json": (3, 1),
    "text/2_Dense/config.json": (4, 1),
    "text/special_tokens_map.json": (2, 1),
    "text/added_tokens.json": (5, 1),
    "text/generation_config.json": (3, 1),
    "text/preprocessor_config.json": (5, 1),
    "text/processor_config.json": (5, 1),
}
"""How many of the values each place gets, and every how manieth place gets some."""


@pytest.mark.parametrize("name", FILES)
def test_any_value_in_any_place_is_a_model_or_a_sentence(folders, name):
    scheme, _, inner = name.partition("/")
    path = folders[scheme] / inner
    each, of = FILES[name]
    found = [tried(scheme, path, text) for _, text in with_values(json.loads(path.read_text()), each=each, of=of)]
    assert max(map(len, found)) < 1500, max(found, key=len)[:600]


def test_no_file_is_left_out(folders):
    there = {
        f"{scheme}/{path.relative_to(folder)}" for scheme, folder in folders.items() for path in folder.rglob("*.json")
    }
    assert there == FILES.keys()


# --- absurd sizes: a number that no weights can fill ends the building before anything large is made


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("open_clip/open_clip_config.json", "model_cfg.embed_dim", 10**9),
        ("open_clip/open_clip_config.json", "model_cfg.vision_cfg.layers", 10**6),
        ("open_clip/open_clip_config.json", "model_cfg.vision_cfg.width", 10**7),
        ("open_clip/open_clip_config.json", "model_cfg.vision_cfg.image_size", 10**7),
        ("open_clip/open_clip_config.json", "model_cfg.text_cfg.vocab_size", 10**10),
        ("open_clip/open_clip_config.json", "model_cfg.text_cfg.layers", 10**12),
        ("open_clip/open_clip_config.json", "model_cfg.text_cfg.context_length", 10**12),
        ("timm/config.json", "model_args.depth", 10**6),
        ("timm/config.json", "model_args.img_size", 10**6),
        ("ssl/ssl_config.json", "preprocess_cfg.size", 30_000),
        ("ssl/ssl_config.json", "backbone.layers.0", 10**6),
        ("ssl/ssl_config.json", "backbone.channels.3", 10**7),
        ("ssl/ssl_config.json", "projector.widths.0", 10**9),
        ("text/config.json", "num_hidden_layers", 10**12),
        ("text/config.json", "num_hidden_layers", 9_999),
        ("text/config.json", "hidden_size", 10**7),
        ("text/config.json", "vocab_size", 10**10),
        ("text/config.json", "max_position_embeddings", 10**10),
        ("text/2_Dense/config.json", "out_features", 10**12),
    ],
)
def test_an_absurd_size_is_refused_before_it_is_made(folders, name, place, value):
    scheme, _, inner = name.partition("/")
    path = folders[scheme] / inner
    content = changed = json.loads(path.read_text())
    *before, last = (int(key) if key.isdigit() else key for key in place.split("."))
    for key in before:
        changed = changed[key]
    changed[last] = value
    start = time.process_time()
    told = tried(scheme, path, json.dumps(content))
    assert re.search(r"too large|no model has more|expected 1 to|size of 1 to|cannot be loaded|it asks for", told), told
    assert time.process_time() - start < 10
