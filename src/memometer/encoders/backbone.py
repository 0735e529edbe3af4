"""The image tower of an open_clip model without its last projection (METHODS, Section 7: backbone features)."""

from typing import Any

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel

from memometer.errors import ModelError

__all__ = ["drop_projection"]


def drop_projection(model: torch.nn.Module, *, spec: str) -> None:
    """Makes the image tower of ``model`` give its pooled features, before the projection into the shared space.

    Args:
        model: an open_clip model; changed in place.
        spec: what the user named it by.

    Raises:
        ModelError: pooling and projection are one step in this architecture.
    """
    tower: Any = model.visual
    if isinstance(tower, TimmModel) and "pool" not in dict(tower.head.named_children()):
        tower.head = torch.nn.Sequential()
        if tower.trunk.num_classes:  # some models project with the trunk's own classifier
            tower.trunk.reset_classifier(0)
    elif isinstance(getattr(tower, "proj", None), torch.nn.Parameter):
        tower.proj = None
    else:
        attention = isinstance(tower, ModifiedResNet | TimmModel)
        why = "its attention pooling projects in the same step" if attention else "its image tower is of another kind"
        raise ModelError(f"{spec} has no backbone features apart from its projector: {why}; ask for projector features")
