"""Two labellings of the same records: how far they agree, and what each makes of an audit."""

from typing import TYPE_CHECKING

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.agreement.agree import agree_labels
    from memometer.agreement.result import LabelAgreement, load_agreement

__all__ = ["LabelAgreement", "agree_labels", "load_agreement"]

# So that showing a result does not load what computes it.
__getattr__ = on_first_use(__name__)
