"""memometer: what vision-language and vision models have memorized of their training data.

>>> import memometer
>>> audit = memometer.audit_vl_dejavu(  # doctest: +SKIP
...     target="open_clip:models/a", reference="open_clip:models/b",
...     records="records/", role="a", reference_role="b", public="records/", public_role="public",
... )
>>> audit.summary.balanced.unmentioned.prg  # doctest: +SKIP
"""

import os
from typing import TYPE_CHECKING

if os.path.expanduser("~") == "~":  # noqa: PTH111 (Path.home raises)
    # Without a home, as in some containers, libraries stop, or make a folder named `~` wherever the command runs.
    os.environ["HOME"] = "/nonexistent"

from memometer.first_use import on_first_use

if TYPE_CHECKING:
    from memometer.agreement import LabelAgreement, agree_labels
    from memometer.annotators import AnnotationSummary, TidySummary, annotate, tidy_labels
    from memometer.audits import Audit, load_audit
    from memometer.comparison import Comparison, compare_audits
    from memometer.data import Records, import_records, load_records, make_scenes, split_records
    from memometer.embeddings import load_encoder
    from memometer.encoders import Encoder
    from memometer.errors import InputError, JobError, MemometerError
    from memometer.exports import export_run
    from memometer.loggers import log_run
    from memometer.measures.clipmem.audit import audit_clipmem
    from memometer.measures.image_dejavu.audit import audit_image_dejavu
    from memometer.measures.sslmem.audit import audit_sslmem
    from memometer.measures.unitmem.audit import audit_unitmem
    from memometer.measures.vl_dejavu.audit import audit_vl_dejavu
    from memometer.neighbors.search import search
    from memometer.report import write_report
    from memometer.sweeps import Sweep, run_sweep
    from memometer.training import SslConfig, TrainConfig, train, train_ssl
    from memometer.utility import measure_utility

__version__ = "0.1.0"

__all__ = [
    "AnnotationSummary",
    "Audit",
    "Comparison",
    "Encoder",
    "InputError",
    "JobError",
    "LabelAgreement",
    "MemometerError",
    "Records",
    "SslConfig",
    "Sweep",
    "TidySummary",
    "TrainConfig",
    "agree_labels",
    "annotate",
    "audit_clipmem",
    "audit_image_dejavu",
    "audit_sslmem",
    "audit_unitmem",
    "audit_vl_dejavu",
    "compare_audits",
    "export_run",
    "import_records",
    "load_audit",
    "load_encoder",
    "load_records",
    "log_run",
    "make_scenes",
    "measure_utility",
    "run_sweep",
    "search",
    "split_records",
    "tidy_labels",
    "train",
    "train_ssl",
    "write_report",
]


# So that ``import memometer`` loads neither torch nor numba.
__getattr__ = on_first_use(__name__)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
