"""``memometer utility``."""

from typing import Any

from memometer.cli.generated import command_of
from memometer.cli.log import log_all
from memometer.cli.options import RUN, ending_as_shard, processes_of
from memometer.cli.trusting import trusting_all
from memometer.locking import writing
from memometer.utility.options import UtilityOptions

__all__ = ["command"]


def _run(
    *, as_json: bool, workers: int | None, trust_remote_code: bool, log_to: list[str] | None, **given: Any
) -> None:
    from memometer.cli.show import show_run
    from memometer.utility import measure_utility

    if trust_remote_code:
        given = trusting_all(UtilityOptions, given)
    out = given["out"]
    with ending_as_shard(), writing(None if given["shard"] else out):
        utility = measure_utility(**given, workers=processes_of(workers, given))
        show_run(utility, as_json=as_json)
    log_all(utility, log_to)


OWN = {name: each for name, each in RUN.items() if name != "out"}  # a measurement need not be written

command = command_of(UtilityOptions, _run, own=OWN)
