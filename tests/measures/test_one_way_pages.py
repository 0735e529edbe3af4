"""A gap of one direction mixes memorization with the models' quality: nothing said of it claims memorization."""

import re

import pytest
from crop_world import knowing, options
from pair_worlds import PairWorld
from tower_world import encoder, records_folder
from worlds import VectorWorld

from memometer import (
    audit_clipmem,
    audit_image_dejavu,
    audit_sslmem,
    audit_unitmem,
    audit_vl_dejavu,
    compare_audits,
    make_scenes,
    split_records,
)
from memometer.cli.show import show_run
from memometer.comparison.verdict import compare_verdict
from memometer.report import page_of, render

CLAIM = re.compile(r"Memorization found|memorizes more|(more|less) memorization than|memorized more")


def vl(place):
    world = VectorWorld(place, n=120, plant=1.5)
    return audit_vl_dejavu(**{**world.options, "reference_role": None}, k=4, gallery=3, images=False)


def image(place):
    make_scenes(place, n=260, size=40, kind="foreground")
    split_records(place, "a=90,b=90,public=rest")
    return audit_image_dejavu(target=knowing(place, "a"), reference=knowing(place, "b", seed=1), **options(place))


def sslmem(place):
    folder = records_folder(place, n=120)
    models = {"target": encoder(1), "reference": encoder(9)}
    return audit_sslmem(**models, records=folder, role="a", tower="both", draws=2, replicates=100, gallery=3)


def unitmem(place):
    return audit_unitmem(target=encoder(1), records=records_folder(place, n=120), role="a", draws=2, gallery=3)


def clipmem(place):
    """Targets that are better on anyone's pairs, and memorized none."""
    world = PairWorld(place, quality=0.0, n=90)
    better = PairWorld(place / "better", quality=1.0, n=90)
    options = {**world.options, "targets": [better.spec("f1")]}
    return audit_clipmem(**options)


@pytest.mark.parametrize("make", [vl, image, sslmem, unitmem, clipmem], ids=lambda make: make.__name__)
def test_one_direction_claims_no_memorization(make, tmp_path, capsys):
    audit = make(tmp_path / "world")
    verdict = page_of(audit.summary["measure"]).verdict(audit.summary)
    assert verdict.kind in ("one-way", "not-shown"), verdict
    words = " ".join((verdict.title, verdict.sentence, *verdict.cautions))
    assert not CLAIM.search(words), words
    assert not CLAIM.search(render(audit))
    show_run(audit, as_json=False)
    assert not CLAIM.search(capsys.readouterr().out)
    if make in (vl, image):
        assert verdict.kind == "one-way"


def test_two_audits_of_one_direction_are_not_more_or_less_memorization(tmp_path):
    audits = []
    for place, plant in enumerate((0.2, 2.0)):
        world = VectorWorld(tmp_path / f"world{place}", n=120, plant=plant)
        audits.append(
            audit_vl_dejavu(
                **{**world.options, "reference_role": None}, k=4, gallery=3, images=False, out=tmp_path / f"{place}"
            )
        )
    for pair in (audits, audits[::-1]):
        comparison = compare_audits(pair, replicates=100)
        verdict = compare_verdict(comparison.summary)
        assert verdict.kind == "one-way"
        assert "one way only: memorization or model quality" in verdict.title
        assert not CLAIM.search(" ".join((verdict.title, verdict.sentence, *verdict.cautions)))
