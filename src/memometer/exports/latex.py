"""LaTeX: the headline numbers as a table of booktabs."""

from pathlib import Path
from typing import Any

from memometer.catalogue import page_of
from memometer.exports.export import Asked
from memometer.exports.numbers import headline
from memometer.files import write_text
from memometer.report.text import signed
from memometer.runs import Run

__all__ = ["escaped", "export"]

SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\u2212": "$-$",
    "\u00a0": "~",
    "\u2013": "--",
}


def export(run: Run[Any], asked: Asked) -> list[Path]:
    """``table.tex``, to be included where booktabs is loaded."""
    page = page_of(run.summary.measure)
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(page.name)}: {escaped(page.verdict(run.summary).sentence)}}}",
        r"  \begin{tabular}{lrrr}",
        r"    \toprule",
        r"    Number & Value & 95\,\% interval & $n$ \\",
        r"    \midrule",
    ]
    for name, number in headline(run).items():
        ends = number.interval
        between = f"[{signed(ends[0])}, {signed(ends[1])}]" if ends else "--"
        cells = (name, signed(number.value), between, f"{number.n:,}")
        lines.append(f"    {' & '.join(map(escaped, cells))} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    path = asked.out / "table.tex"
    write_text(path, "\n".join(lines) + "\n")
    return [path]


def escaped(text: str) -> str:
    r"""The text with what LaTeX would take for commands escaped.

    >>> escaped("50 % of a_b")
    '50 \\% of a\\_b'
    """
    return "".join(SPECIAL.get(character, character) for character in " ".join(text.split()))
