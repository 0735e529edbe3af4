"""Whoever reports a measure finds its paper in CITATION.cff and beside the package."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_every_paper_of_a_measure_is_cited():
    texts = [path.read_text() for path in (ROOT / "docs" / "measures").glob("*.md")]
    named = {number for text in texts for number in re.findall(r"arXiv\s+(\d{4}\.\d{5})", text)}
    references = yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"]
    cited = {each["identifiers"][0]["value"].removeprefix("arXiv:") for each in references}
    assert len(named) == 6
    assert cited == named
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"].values()
    assert set(urls) == {each["url"] for each in references} == {f"https://arxiv.org/abs/{each}" for each in cited}
