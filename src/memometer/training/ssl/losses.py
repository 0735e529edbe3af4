"""The losses, from lightly: the one file that imports it.

Each takes the batch's projections of two views and gathers those of the other processes, so that the mean over the
processes is the loss of the whole batch.
"""

from importlib import import_module
from typing import Any

import torch

from memometer.errors import InputError

__all__ = ["barlow_loss", "dino_loss", "simclr_loss", "vicreg_loss"]


def vicreg_loss() -> torch.nn.Module:
    """Variance, invariance and covariance (Bardes et al. 2022) at the paper's weights, 25, 25 and 1.

    As in the paper's published results, the invariance is the mean, not the sum, over the dimensions, and the variance
    term the mean of both views' terms.
    """
    return _load("vicreg_loss", "VICRegLoss")(gather_distributed=True)  # type: ignore[no-any-return]


def simclr_loss(*, temperature: float) -> torch.nn.Module:
    """NT-Xent (Chen et al. 2020)."""
    return _load("ntx_ent_loss", "NTXentLoss")(temperature=temperature, gather_distributed=True)  # type: ignore[no-any-return]


def barlow_loss() -> torch.nn.Module:
    """Barlow Twins (Zbontar et al. 2021) at the paper's weight of redundancy, 0.005.

    In several processes each normalises its own share of the batch before the cross-correlations are averaged.
    """
    return _load("barlow_twins_loss", "BarlowTwinsLoss")(gather_distributed=True)  # type: ignore[no-any-return]


def dino_loss(*, prototypes: int) -> torch.nn.Module:
    """DINO's cross entropy with a centred teacher (Caron et al. 2021), the mean over all pairs of different views.

    It is called with the teacher's outputs for the global views, the student's for the same ones and then for the local
    views, and ``teacher_temp``. The centre is a buffer of the module.
    """
    return _load("dino_loss", "DINOLoss")(output_dim=prototypes, student_temp=0.1, center_momentum=0.9)  # type: ignore[no-any-return]


def _load(module: str, name: str) -> Any:
    try:
        return getattr(import_module(f"lightly.loss.{module}"), name)
    except ImportError as error:
        raise InputError(
            f"self-supervised training needs lightly, which cannot be imported ({error}); pip install 'memometer[ssl]'"
        ) from error
