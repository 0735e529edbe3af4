"""A gap of one direction mixes memorization with the models' quality: nothing said of it claims memorization."""

import re

import pytest
from pair_worlds import PairWorld
from small_audits import small_audit

from memometer import audit_clipmem, compare_audits
from memometer.cli.show import show_run
from memometer.comparison.verdict import compare_verdict
from memometer.report import page_of, render

CLAIM = re.compile(r"Memorization found|memorizes more|(more|less) memorization than|memorized more")


def clipmem(place):
    """Targets that are better on anyone's pairs, and memorized none."""
    world = PairWorld(place, quality=0.0, n=90)
    better = PairWorld(place / "better", quality=1.0, n=90)
    options = {**world.options, "targets": [better.spec("f1")]}
    return audit_clipmem(**options)


ONE_WAY = {
    "vl-dejavu": {"n": 120, "plant": 1.5, "reference_role": None},
    "image-dejavu": {},
    "sslmem": {},
    "unitmem": {},
    "clipmem": {},
}


@pytest.mark.parametrize("measure", ONE_WAY)
def test_one_direction_claims_no_memorization(measure, tmp_path, capsys):
    place = tmp_path / "world"
    audit = clipmem(place) if measure == "clipmem" else small_audit(measure, place, **ONE_WAY[measure])
    verdict = page_of(audit.summary["measure"]).verdict(audit.summary)
    assert verdict.kind in ("one-way", "not-shown"), verdict
    if measure in ("vl-dejavu", "sslmem"):
        assert any("one direction only" in note for note in audit.summary.notes)
    words = " ".join((verdict.title, verdict.sentence, *verdict.cautions))
    assert not CLAIM.search(words), words
    assert not CLAIM.search(render(audit))
    show_run(audit, as_json=False)
    assert not CLAIM.search(capsys.readouterr().out)
    if measure in ("vl-dejavu", "image-dejavu"):
        assert verdict.kind == "one-way"


def test_two_audits_of_one_direction_are_not_more_or_less_memorization(tmp_path):
    options = {"n": 120, "reference_role": None}
    audits = [
        small_audit("vl-dejavu", tmp_path / f"{plant}", plant=plant, out=tmp_path / f"{plant}" / "run", **options)
        for plant in (0.2, 2.0)
    ]
    for pair in (audits, audits[::-1]):
        comparison = compare_audits(pair, replicates=100)
        verdict = compare_verdict(comparison.summary)
        assert verdict.kind == "one-way"
        assert "one way only: memorization or model quality" in verdict.title
        assert not CLAIM.search(" ".join((verdict.title, verdict.sentence, *verdict.cautions)))
