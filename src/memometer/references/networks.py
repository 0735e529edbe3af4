"""Networks that map an image to one number per label, with random weights."""

import difflib

import torch
from torch import nn

from memometer.errors import ModelError

__all__ = ["build_network"]

TINY_SIZE = 32


def build_network(name: str, *, n_labels: int, image_size: int | None = None) -> tuple[nn.Module, int]:
    """Builds a network; its weights come from torch's global random state.

    Args:
        name: ``tiny``, for tests and CPUs; torchvision's ``resnet50`` (B), ``resnet18`` and the like; or
            ``timm:NAME``, any classifier of timm.
        n_labels: outputs.
        image_size: px of the square input; None takes what the network is made for.

    Returns:
        The network, which takes (n, 3, size, size) floats to (n, n_labels), and the size.

    Raises:
        ModelError: no such network, or it does not take images of this size.
    """
    if name == "tiny":
        network, size = _tiny(n_labels), image_size or TINY_SIZE
    elif name.startswith("timm:"):
        network, size = _from_timm(name.removeprefix("timm:"), n_labels, image_size)
    else:
        network, size = _from_torchvision(name, n_labels), image_size or 224
    _try_out(network, name, size=size, n_labels=n_labels)
    return network, size


def _tiny(n_labels: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, n_labels))


def _from_torchvision(name: str, n_labels: int) -> nn.Module:
    from torchvision import models

    known = [each for each in models.list_models(module=models) if each.startswith("resnet")]
    if name not in known:
        raise ModelError(f"no network is named '{name}'; expected tiny, {', '.join(known)}, or timm:NAME")
    network: nn.Module = models.get_model(name, weights=None, num_classes=n_labels)
    return network


def _from_timm(name: str, n_labels: int, image_size: int | None) -> tuple[nn.Module, int]:
    import timm

    if not timm.is_model(name):  # names with a prefix, which timm would download, are none
        near = ", ".join(difflib.get_close_matches(name, timm.list_models(), n=3)) or "timm:resnet50"
        raise ModelError(f"timm has no network named '{name}'; near names are {near}")
    network = timm.create_model(name, pretrained=False, num_classes=n_labels)
    return network, image_size or int(network.pretrained_cfg["input_size"][-1])


def _try_out(network: nn.Module, name: str, *, size: int, n_labels: int) -> None:
    """One image through the network, so that what does not fit shows before the training."""
    network.eval()
    try:
        with torch.inference_mode():
            found = network(torch.zeros(1, 3, size, size))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ModelError(f"'{name}' does not take images of {size} px: {error}; choose another image size") from error
    if getattr(found, "shape", None) != (1, n_labels):
        raise ModelError(f"'{name}' is no classifier: it does not give {n_labels} numbers for an image")
