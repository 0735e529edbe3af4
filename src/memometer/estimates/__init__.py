"""What an audit of a given size will take: hours, memory and disk of each stage, from measured rates."""

from memometer.estimates.estimate import Estimate, estimate_audit
from memometer.estimates.stages import Cost

__all__ = ["Cost", "Estimate", "estimate_audit"]
