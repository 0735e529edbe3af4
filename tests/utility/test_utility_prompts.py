"""Class files, template files, and the vectors of classes."""

import numpy as np
import pytest

from memometer.errors import InputError
from memometer.utility.prompts import DEFAULT_TEMPLATES, class_vectors, read_classes, read_templates


class Letters:
    """Embeds a text by how often each of three letters occurs."""

    identity = "letters"

    def __init__(self):
        self.texts = []

    def encode_texts(self, texts):
        self.texts += texts
        return np.array([[text.count(letter) for letter in "aex"] for text in texts], np.float32)


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_class_file_has_names_words_comments_and_empty_lines(tmp_path):
    classes = read_classes(written(tmp_path / "c.txt", "# pets\nhot_dog\n\n tv \ttelevision set\ncat\t\n"))
    assert classes.names == ("hot_dog", "tv", "cat")
    assert classes.words == ("hot dog", "television set", "cat")
    assert classes.plain == ("hot dog", "tv", "cat")
    assert read_classes({"tv": "television set", "cat": ""}).words == ("television set", "cat")
    assert read_classes(["b_c", "a"]).words == ("b c", "a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat\ndog\nCat\n", "line 3 of .* names the class 'Cat' again, after line 1"),
        ("hot dog\nhot_dog\n", "line 2 of .* names the class 'hot_dog' again"),
        ("cat\n\tdog\n", "line 2 of .* has no class name"),
        ("cat\n", "holds 1 class names; expected two or more"),
    ],
)
def test_bad_class_files(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_classes(written(tmp_path / "c.txt", text))


def test_names_given_twice_and_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="line 2 of the classes names the class 'a' again"):
        read_classes(["a", "a"])
    with pytest.raises(InputError, match="cannot read the class names"):
        read_classes(tmp_path / "missing.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\nx")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_classes(tmp_path / "latin.txt")


def test_templates(tmp_path):
    assert read_templates(None) == DEFAULT_TEMPLATES
    assert read_templates(written(tmp_path / "t.txt", "a {}.\n\n  art of the {}.\n")) == ("a {}.", "art of the {}.")
    for text, message in (
        ("a {}.\na photo.\n", "line 2 of .* has 0 places for the class: 'a photo.'"),
        ("{} and {}\n", "has 2 places"),
        ("a {}\na {}\n", "line 2 of .* repeats line 1"),
        ("\n", "holds no template"),
    ):
        with pytest.raises(InputError, match=message):
            read_templates(written(tmp_path / "bad.txt", text))


def test_class_vector_is_the_mean_of_unit_vectors_made_unit(tmp_path):
    classes, templates = read_classes(["axe", "hex_e"]), ("{} a", "xx {}")
    encoder = Letters()
    found = class_vectors(classes, templates, encoder, store=tmp_path)
    for row, words in enumerate(("axe", "hex e")):
        prompts = [template.replace("{}", words) for template in templates]
        vectors = Letters().encode_texts(prompts)
        mean = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(axis=0)
        np.testing.assert_allclose(found[row], mean / np.linalg.norm(mean), rtol=1e-6)
    n = len(encoder.texts)
    np.testing.assert_array_equal(class_vectors(classes, templates, encoder, store=tmp_path), found)
    assert len(encoder.texts) == n == 4  # the second time they are read back
    class_vectors(classes, templates[::-1], encoder, store=tmp_path)
    assert len(encoder.texts) == 8


def test_many_prompts_go_in_batches(tmp_path, monkeypatch):
    classes, templates = read_classes(["axe", "hex", "ae"]), ("{} a", "xx {}")
    whole = class_vectors(classes, templates, Letters(), store=tmp_path / "one")
    monkeypatch.setattr("memometer.utility.prompts.BATCH_SIZE", 3)
    np.testing.assert_allclose(class_vectors(classes, templates, Letters(), store=tmp_path / "two"), whole)
