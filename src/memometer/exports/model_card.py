"""A model card's section on memorization: Markdown, with the metadata that the Hugging Face hub reads."""

import re
from pathlib import Path
from typing import Any

from memometer import __version__
from memometer.catalogue import page_of
from memometer.exports.export import Asked
from memometer.exports.numbers import headline
from memometer.files import write_text
from memometer.report.text import signed
from memometer.runs import Run

__all__ = ["export"]


def export(run: Run[Any], asked: Asked) -> list[Path]:
    """``memorization.md``, a section, and ``metadata.yaml``, the ``model-index`` of the card's head."""
    section, metadata = asked.out / "memorization.md", asked.out / "metadata.yaml"
    write_text(section, _section(run))
    write_text(metadata, _metadata(run))
    return [section, metadata]


def _section(run: Run[Any]) -> str:
    page = page_of(run.summary.measure)
    verdict = page.verdict(run.summary)
    lines = [
        "## Memorization",
        "",
        f"**{_plain(verdict.title)}.** {_plain(verdict.sentence)}",
        *(f"\n> {_plain(each)}" for each in verdict.cautions),
        "",
        "| number | value | 95 % interval | n |",
        "|---|---:|---|---:|",
    ]
    for name, number in headline(run).items():
        ends = number.interval
        between = f"{signed(ends[0])} to {signed(ends[1])}" if ends else _plain(number.reason or "–")
        lines.append(f"| {_plain(name)} | {signed(number.value)} | {between} | {number.n:,} |")
    lines += ["", *(f"- {_plain(name)}: {_plain(value.text)}" for name, value in page.facts(run)), ""]
    lines += [f"- Note: {_plain(note)}" for note in run.summary.notes]
    key = run.manifest.get("key")
    lines += ["", f"Measured by memometer {__version__} ({_plain(page.name)}), run `{_plain(str(key))}`.", ""]
    return "\n".join(lines)


def _metadata(run: Run[Any]) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    page, config = page_of(run.summary.measure), run.config
    results = [
        EvalResult(
            task_type="memorization-audit",
            task_name=page.name,
            dataset_type="private",
            dataset_name=f"{Path(str(config.get('records', 'records'))).name}, role {config.get('role') or 'all'}",
            metric_type=f"memometer/{name}",
            metric_name=f"{page.name}: {name}",
            metric_value=round(number.value, 6),
            metric_config=f"95 % interval {signed(number.low)} to {signed(number.high)}, n = {number.n}",
        )
        for name, number in headline(run).items()
        if number.value is not None
    ]
    name = str(config.get("target") or config.get("model") or "model")
    return str(ModelCardData(model_name=name, eval_results=results).to_yaml()) + "\n"


def _plain(text: str) -> str:
    """The text with what Markdown and HTML would take for marks escaped, in one line."""
    return re.sub(r"([\\`*_\[\]<>|#&])", r"\\\1", " ".join(str(text).split()))
