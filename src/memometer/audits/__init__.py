"""One file per audit: runs the stages in order and keeps the result in a run folder."""

from memometer.audits.result import Audit, load_audit, save_audit

__all__ = ["Audit", "load_audit", "save_audit"]
