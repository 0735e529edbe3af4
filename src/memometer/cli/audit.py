"""``memometer audit …``: one command for every measure, made of its options."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from memometer.audits.options import AuditOptions
from memometer.catalogue import options_of
from memometer.cli.answers import answer, asked_of, keep
from memometer.cli.generated import command_of
from memometer.cli.log import log_all
from memometer.cli.options import RUN, ending_as_shard, processes_of
from memometer.cli.trusting import trusting_all
from memometer.locking import writing

__all__ = ["command_named"]


def command_named(measure: str) -> Callable[..., None]:
    """The command of a measure."""
    declared: type[AuditOptions] = options_of(measure)

    def run(
        *, as_json: bool, workers: int | None, trust_remote_code: bool, log_to: list[str] | None, **given: Any
    ) -> None:
        if trust_remote_code:
            given = trusting_all(declared, given)
        asked = declared.checked(**given, workers=processes_of(workers, given))
        out = Path(given["out"])
        with ending_as_shard(), writing(None if asked.shard else out):
            _run(asked, out, as_json=as_json)
        log_all(out, log_to)

    return command_of(declared, run, own=RUN)


def _run(asked: AuditOptions, out: Path, *, as_json: bool) -> None:
    question = None if asked.shard else asked_of(asked)
    if question is not None and answer(out, question, as_json=as_json):
        return
    from memometer.audits.running import run_audit
    from memometer.catalogue import measure_of
    from memometer.cli.show import show_run

    audit = run_audit(measure_of(asked))
    show_run(audit, as_json=as_json)
    if question is not None and question == asked_of(asked):  # no file changed under way
        keep(out, question)
