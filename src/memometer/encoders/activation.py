"""Which activation a checkpoint was trained with: its weights do not tell, and the wrong one changes every vector."""

import copy
import dataclasses

import open_clip

from memometer.encoders.architectures import Architecture
from memometer.encoders.by_order import BY_ORDER
from memometer.encoders.guessing import TrainingLog
from memometer.errors import ModelError

__all__ = ["Asked", "split_options", "with_activation"]


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the user said behind a model's name.

    Attributes:
        quickgelu: whether the model has QuickGELU; None leaves it to the architecture.
        part: which of several sets of weights in the file.
        by_order: whether its tensors are taken by their order and shapes, whatever they are called.
    """

    quickgelu: bool | None = None
    part: str | None = None
    by_order: bool = False


def split_options(rest: str) -> tuple[str, Asked]:
    """A model's name, and the options behind it: ``epoch_1.pt?quickgelu=1&part=ema``.

    Raises:
        ModelError: an option that is not known.

    >>> split_options("epoch_1.pt?quickgelu=1")
    ('epoch_1.pt', Asked(quickgelu=True, part=None, by_order=False))
    """
    name, mark, query = rest.rpartition("?")
    if not mark or "=" not in query:
        return rest, Asked()
    asked = Asked()
    for option in query.split("&"):
        key, _, value = option.partition("=")
        if key == "quickgelu" and value in {"0", "1"}:
            asked = dataclasses.replace(asked, quickgelu=value == "1")
        elif key == "part" and value:
            asked = dataclasses.replace(asked, part=value)
        elif option == BY_ORDER:
            asked = dataclasses.replace(asked, by_order=True)
        else:
            known = f"?quickgelu=1, ?quickgelu=0, ?part=NAME or ?{BY_ORDER}"
            raise ModelError(f"'{option}' is no option of a model; expected {known}")
    return name, asked


def with_activation(
    architecture: Architecture, *, asked: bool | None, said: bool | None, log: TrainingLog | None
) -> tuple[Architecture, list[str]]:
    """The architecture with the activation that was asked for, else that the file states; and doubts, in sentences.

    Args:
        architecture: as named or guessed.
        asked: by the user, who decides.
        said: by the file itself.
        log: of the training.
    """
    own = bool(architecture.config.get("quick_gelu"))
    if asked is not None or said is not None:
        chosen = bool(asked if asked is not None else said)
        config = copy.deepcopy(architecture.config)
        config["quick_gelu"] = chosen
        doubt = asked is not None and said is not None and asked != said
        told = [f"the file's own code has{'' if said else ' no'} QuickGELU, unlike ?quickgelu={int(chosen)}"]
        return dataclasses.replace(architecture, config=config), told if doubt else []
    if log is None:
        return architecture, []
    doubts = []
    logged = bool(log.architecture.config.get("quick_gelu"))
    if logged != own:
        doubts.append(
            f"{log.path} says {log.architecture.name}{_with(quick=logged)}, but {architecture.name}{_with(quick=own)} "
            f"is used, as it was named; the weights do not tell: ?quickgelu={int(logged)} takes what the log says, "
            f"?quickgelu={int(own)} says that it is meant"
        )
    published = open_clip.get_pretrained_cfg(log.architecture.name, log.pretrained or "") or {}
    started = bool(published.get("quick_gelu"))
    if log.pretrained and published and started != own and not logged:
        doubts.append(
            f"{log.path} says pretrained: {log.pretrained}, whose weights have{'' if started else ' no'} QuickGELU, "
            f"but {architecture.name}{_with(quick=own)} is used: open_clip before 2.29 trained on with the activation "
            f"of the weights, newer versions with that of the model; every vector differs between the two. "
            f"?quickgelu={int(started)} takes the former, ?quickgelu={int(own)} says that the latter is meant"
        )
    return architecture, doubts


def _with(*, quick: bool) -> str:
    return " with QuickGELU" if quick else " without QuickGELU"
