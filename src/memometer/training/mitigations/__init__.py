"""Mitigations of memorization: small pieces that compose, one file each (METHODS, section 7)."""

from memometer.training.mitigations.base import Mitigation
from memometer.training.mitigations.composition import mitigations_of

__all__ = ["Mitigation", "mitigations_of"]
