"""One file per audit: runs the stages in order and keeps the result in a run folder."""

from memometer.audits.result import Audit, load_audit, save_audit
from memometer.audits.vl_dejavu import audit_vl_dejavu

__all__ = ["Audit", "audit_vl_dejavu", "load_audit", "save_audit"]
