"""What the results of this package share."""

import dataclasses

__all__ = ["Reported", "Z"]

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


@dataclasses.dataclass(frozen=True)
class Reported:
    """Part of every result: how it is written down."""

    def as_dict(self) -> dict[str, float | int | str | None]:
        """For JSON; ``reason`` and numbers of groups only where there are such."""
        fields = dataclasses.asdict(self)
        return {
            name: value
            for name, value in fields.items()
            if value is not None or not name.startswith(("reason", "n_groups"))
        }
