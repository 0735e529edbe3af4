"""Galleries keep numbers as numbers; the page chooses how they are shown."""

import math

import pyarrow as pa
import pytest
from report_factory import make_audit

from memometer.report import page_of
from memometer.report.pictures import Pictures
from memometer.runs.items import ITEM_SCHEMA, item, items_table

FACTS = {"score": -0.12345, "rank": (2, "of 3,000"), "kind": "odd", "none": None, "undefined": math.nan}


def shown(measure, gallery):
    """The facts of a gallery's first item as the page of a measure shows them."""
    ((_, (first, *_)),) = page_of(measure).items(make_audit(gallery=gallery), Pictures(room=0))
    return {name.text: value.text for name, value in first.facts}


def test_numbers_are_kept_as_numbers():
    (row,) = items_table([item(rank=1, record_id="a", image=None, facts=FACTS)]).to_pylist()
    kept = {fact["name"]: (fact["number"], fact["text"]) for fact in row["facts"]}
    assert kept == {
        "score": (-0.12345, None),
        "rank": (2.0, "of 3,000"),
        "kind": (None, "odd"),
        "none": (None, None),
        "undefined": (None, None),
    }


def test_a_page_shows_numbers_its_own_way():
    gallery = items_table([item(rank=1, record_id="a", image=None, facts=FACTS)])
    common = {"kind": "odd", "none": "–", "undefined": "–", "score": "−0.123"}
    assert shown("clipmem", gallery) == common | {"rank": "2 of 3,000"}
    assert shown("compare", gallery) == common | {"rank": "+2.000 of 3,000"}


@pytest.mark.parametrize(
    ("measure", "name", "value", "words"),
    [
        ("clipmem", "standard error over trainings", 0.5, "0.500"),
        ("image-dejavu", "target surer by", -1.234, "−1.23 nats"),
        ("sslmem", "distance of its views, never saw it", 0.25, "0.250"),
        ("sslmem", "views", 1200, "1,200"),
        ("unitmem", "unit", 1024, "1,024"),
        ("unitmem", "UnitMem", 1.0, "1.000"),
        ("unitmem", "largest mean activation", -0.0000123456, "−1.235e−05"),
    ],
)
def test_every_number_has_its_digits_and_its_unit(measure, name, value, words):
    assert shown(measure, items_table([item(rank=1, record_id="a", image=None, facts={name: value})])) == {name: words}


def test_a_gallery_of_before_is_shown_as_it_is():
    """Facts were texts, of numbers too, and cards had one that was empty."""
    facts = [{"name": "SSLMem", "value": "+0.123"}, {"name": "kind", "value": "odd"}]
    cards = [{"record_id": "p", "label": "dog", "value": "", "hit": True, "image": None}]
    row = {"rank": 1, "section": "", "record_id": "a", "captions": [], "image": None, "marks": [], "facts": facts}
    names = ITEM_SCHEMA.names
    table = pa.Table.from_pylist([row | {"strips": [{"title": "x", "trained": True, "cards": cards}]}]).select(names)
    assert shown("sslmem", table) == {"SSLMem": "+0.123", "kind": "odd"}
