"""The linear probe: logistic regression on frozen features (Radford and others 2021, Section 3.2)."""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from memometer.data.records import Records
from memometer.errors import InputError
from memometer.seeds import seed_for
from memometer.statistics import average_precision
from memometer.utility.truth import Task, Truth, truth_of

__all__ = ["HELD_OUT", "MIN_POSITIVE", "REGULARISATION", "Probe", "fit_probe", "held_out", "probe_classes"]

REGULARISATION = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Values of scikit-learn's C that are tried, the strongest penalty first."""
HELD_OUT = 0.2
"""Share of the probe's training records that choose among them."""
MIN_RECORDS = 20
MIN_POSITIVE = 5
"""Training records that a class needs; a rarer one is not probed, and named."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Probe:
    """A fitted probe.

    Attributes:
        scaler: standardises features by the mean and standard deviation of the training records.
        models: one of all classes for single labels, else one per class.
        c: the inverse strength of the penalty that was chosen.
        held_out: C → accuracy, or mean average precision, on the held-out training records.
        n_train: records that the final probe was fitted on.
        n_held_out: those of them that chose C.
        converged: whether every fit came to its end.
    """

    scaler: StandardScaler
    models: tuple[LogisticRegression, ...]
    c: float
    held_out: dict[str, float]
    n_train: int
    n_held_out: int
    converged: bool

    def scores(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """(n, d) features → (n, c) scores of the classes that it was fitted on."""
        return _scores(self.models, self.scaler.transform(features.astype(np.float64))).astype(np.float32)


def held_out(record_ids: pa.Array, *, seed: int) -> Bools:
    """(n,) whether each training record is held out: a hash of its id decides, so no other record has a say."""
    bound = int(HELD_OUT * 2**64)
    return np.array([seed_for(seed, "probe", each) < bound for each in record_ids.to_pylist()], bool)


def probe_classes(records: Records, classes: Sequence[str], *, task: Task) -> tuple[tuple[str, ...], list[str]]:
    """The classes that the training records tell apart, and those that too few of them have.

    Raises:
        InputError: there are too few of the former.
    """
    truth = truth_of(records, classes, task=task)
    counts = truth.positive.sum(axis=0)
    n = len(truth.scored)
    kept = (counts >= MIN_POSITIVE) & ((counts < n) | (task == "single-label"))
    if kept.sum() < (2 if task == "single-label" else 1):
        raise InputError(
            f"{kept.sum()} of {len(classes):,} classes can be probed: the others have fewer than {MIN_POSITIVE} of the "
            f"{n:,} labelled training records, or all of them; give the probe more records with --probe-records and "
            "--probe-role"
        )
    chosen = tuple(name for name, keep in zip(classes, kept, strict=True) if keep)
    return chosen, [name for name, keep in zip(classes, kept, strict=True) if not keep]


def fit_probe(features: npt.NDArray[np.floating], truth: Truth, held: Bools) -> Probe:
    """Fits logistic regressions for every C on a part of the records, chooses by the rest, fits the best on all.

    Of equal choices the strongest penalty wins. Single labels: one multinomial regression; several objects per image:
    one regression per class (one-vs-rest).

    Args:
        features: (n, d) of the training records, in an order of their own, e.g. by id.
        truth: n training records, all scored; its c classes are all to be fitted.
        held: (n,) `held_out`.

    Raises:
        InputError: too few records, in all or of two different kinds, to fit and to choose.
    """
    part = ~held
    _check_enough(truth, held)
    wide = features.astype(np.float64)
    results: dict[float, float] = {}
    scaler = StandardScaler().fit(wide[part])
    known = _fittable(truth, part)
    fitted: tuple[LogisticRegression, ...] = ()
    seen, judged = scaler.transform(wide[part]), scaler.transform(wide[held])
    ended = []
    for c in REGULARISATION:
        fitted, end = _fit(seen, truth, part, known, c=c, start=fitted)
        ended.append(end)
        results[c] = _judge(_scores(fitted, judged), truth, held, known)
    defined = {c: value for c, value in results.items() if not np.isnan(value)}
    if not defined:
        raise InputError("not one held-out record of the probe has a class that can be fitted; give it more records")
    best = max(defined, key=lambda c: (defined[c], -c))
    scaler = StandardScaler().fit(wide)
    every = np.ones(len(wide), bool)
    models, end = _fit(scaler.transform(wide), truth, every, _fittable(truth, every), c=best, start=())
    return Probe(
        scaler,
        models,
        best,
        {f"{c:g}": value for c, value in defined.items()},
        len(wide),
        int(held.sum()),
        converged=end and all(ended),
    )


def _check_enough(truth: Truth, held: Bools) -> None:
    n, n_held = len(held), int(held.sum())
    if n < MIN_RECORDS or not 0 < n_held < n:
        raise InputError(
            f"the probe has {n} training records, {n_held} of them held out; it needs {MIN_RECORDS} or more: give it "
            "more with --probe-records and --probe-role"
        )
    if len(_fittable(truth, ~held)) < (2 if truth.task == "single-label" else 1):
        raise InputError(
            "the probe's training records do not differ in what they show, so there is nothing to learn; it needs "
            f"records of two classes with {MIN_POSITIVE} or more each: give it more with --probe-records "
            "and --probe-role"
        )


def _fittable(truth: Truth, rows: Bools) -> npt.NDArray[np.int64]:
    """The classes that some of these records have and, where images have several, some have not."""
    counts = truth.positive[rows].sum(axis=0)
    most = rows.sum() if truth.task == "multi-label" else rows.sum() + 1
    return np.flatnonzero((counts > 0) & (counts < most))


def _fit(
    features: Floats,
    truth: Truth,
    rows: Bools,
    known: npt.NDArray[np.int64],
    *,
    c: float,
    start: Sequence[LogisticRegression],
) -> tuple[tuple[LogisticRegression, ...], bool]:
    """Models of the ``known`` classes, from where those of another C ended; and whether all came to their end."""
    positive = truth.positive[rows][:, known]
    targets = [positive.argmax(axis=1)] if truth.task == "single-label" else list(positive.T)
    models = list(start) or [LogisticRegression(max_iter=1000, warm_start=True) for _ in targets]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        for model, target in zip(models, targets, strict=True):
            model.set_params(C=c).fit(features, target)
    return tuple(models), not any(issubclass(each.category, ConvergenceWarning) for each in caught)


def _scores(models: Sequence[LogisticRegression], features: Floats) -> Floats:
    """(n, classes) decision functions; two single labels are two columns here, one in scikit-learn."""
    columns = [model.decision_function(features) for model in models]
    if len(columns) == 1 and columns[0].ndim == 2:
        return np.asarray(columns[0])
    if len(models) == 1 and not isinstance(models[0].classes_[0], np.bool_):
        return np.stack([-columns[0], columns[0]], axis=1)
    return np.stack(columns, axis=1)


def _judge(scores: Floats, truth: Truth, held: Bools, known: npt.NDArray[np.int64]) -> float:
    """Accuracy, or mean average precision over the classes with a positive record; NaN where there is none."""
    positive = truth.positive[held][:, known]
    if truth.task == "single-label":
        right = positive[np.arange(len(scores)), scores.argmax(axis=1)]
        values = np.where(positive.any(axis=1), right, np.nan)
    else:
        values = np.array([average_precision(*columns) for columns in zip(scores.T, positive.T, strict=True)])
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else np.nan
