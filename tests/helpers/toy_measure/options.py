"""What the audit is asked."""

from typing import ClassVar

from pydantic import Field

from memometer.audits.options import AuditOptions, Role
from memometer.runs.options import Model, Source

__all__ = ["ToyOptions"]


class ToyOptions(AuditOptions):
    """A toy: does a model hold its images and captions together more closely?"""

    measure: ClassVar[str] = "toy"

    target: Model = Field(description="The model trained on the records.")
    reference: Model = Field(description="A model trained alike, but not on them.")
    records: Source = Field(description="The folder of the records.")
    role: Role = None
    scale: float = Field(default=1.0, gt=0, le=100, description="What each difference is multiplied by.")
