"""What audits share: their options, the one loop that runs them, the result in a run folder."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.audits.result import Audit, load_audit

__all__ = ["Audit", "load_audit"]


# So that options can be read without what runs an audit.
__getattr__ = on_first_use(__name__)
