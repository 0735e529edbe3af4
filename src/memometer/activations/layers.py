"""Which modules of a tower are its layers, and which hold its units, found by the shape of its blocks.

Recognised are transformers (a block has an attention and an MLP: open_clip, timm, torchvision, transformers), residual
networks (a block has ``conv1`` and ``conv2``: open_clip, timm, torchvision), ConvNeXt (timm, transformers) and the
EfficientNet of ALIGN (transformers). Any other tower is read at the modules that the user names.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from torch import nn

from memometer.errors import InputError

__all__ = ["Layer", "block_layers", "named_layers", "unit_layers"]

ATTENTIONS = frozenset({"attn", "self_attn", "self_attention", "attention"})
MLPS = ("mlp", "intermediate", "ffn")
ACTIVATIONS = ("relu", "gelu", "silu", "swish", "mish", "elu", "tanh", "hardswish")
"""How the classes of non-linearities are called, in lower case, or how their names end."""

Kind = Literal["transformer", "residual", "convnext", "inverted"]


@dataclasses.dataclass(frozen=True)
class Layer:
    """One module of a tower whose output is read.

    Attributes:
        name: its dotted name within the tower, e.g. ``"transformer.resblocks.3.mlp.gelu"``.
        channels_last: whether an output of four dimensions is (n, height, width, channels).
    """

    name: str
    channels_last: bool = False


def block_layers(tower: nn.Module) -> tuple[Layer, ...]:
    """The tower's blocks in order: what LayerMem compares.

    Raises:
        InputError: no block is recognised; names modules to choose from.
    """
    return _found_blocks(tower) or _unknown(tower, "blocks")


def unit_layers(tower: nn.Module) -> tuple[Layer, ...]:
    """Where the tower's units are, in order: what UnitMem scores.

    In a transformer or ConvNeXt, the neurons of each block's MLP behind its non-linearity; in a residual network, the
    channels behind the last non-linearity of each block; in an EfficientNet, those behind its depthwise convolution.

    Raises:
        InputError: they are not recognised in every block; names modules to choose from.
    """
    found = _found_units(tower)
    return found if found and len(found) == len(_blocks(tower)) else _unknown(tower, "units")


def named_layers(tower: nn.Module, names: Sequence[str]) -> tuple[Layer, ...]:
    """The modules that a user names; their maps are taken for (n, channels, height, width).

    Raises:
        InputError: the tower has no such module, or a name occurs twice; names modules to choose from.
    """
    there = dict(tower.named_modules())
    for place, name in enumerate(names):
        if not name or name not in there:
            raise InputError(f"the tower has no module '{name}'; {_candidates(tower)}")
        if name in names[:place]:
            raise InputError(f"the layer '{name}' is named twice; name every layer once")
    known = {layer.name: layer for layer in (*_found_blocks(tower), *_found_units(tower))}
    return tuple(known.get(name, Layer(name)) for name in names)


def _blocks(tower: nn.Module) -> dict[str, Kind]:
    """Name → kind of the tower's blocks: the outermost transformer blocks, the innermost residual ones."""
    found: dict[str, Kind] = {}
    for name, module in tower.named_modules():
        kind = _kind(module)
        if not name or kind is None or any(_inside(name, block) for block in found if found[block] != "residual"):
            continue
        found[name] = kind
    # The stem of a ResNet has a conv1 and a conv2 as well: what contains a block is none.
    return {name: kind for name, kind in found.items() if not any(_inside(other, name) for other in found)}


def _kind(module: nn.Module) -> Kind | None:
    children = {name for name, _ in module.named_children()}
    if children & ATTENTIONS and children & set(MLPS):
        # SigLIP's head of transformers pools by the attention of a learned probe: it is the output, and no block.
        return None if hasattr(module, "probe") else "transformer"
    if {"conv_dw", "mlp"} <= children or {"depthwise_conv", "pointwise_conv1"} <= children:
        return "convnext"
    if {"depthwise_conv", "squeeze_excite"} <= children:
        return "inverted"
    return "residual" if {"conv1", "conv2"} <= children else None


def _units_of(tower: nn.Module, name: str, kind: Kind) -> Layer | None:
    """The units of one block; None where there is not exactly one non-linearity to choose."""
    block = tower.get_submodule(name)
    if kind == "residual":
        ends = any(child in ("relu", "act", "act2", "act3") for child, _ in block.named_children())
        return Layer(name) if ends else None
    parts = ("depthwise_conv",) if kind == "inverted" else MLPS
    part = next((child for child in parts if child in dict(block.named_children())), "")
    inside = list(block.get_submodule(part).named_modules())
    active = [inner for inner, module in inside if inner and _is_activation(module)]
    # Of transformers' ConvNeXt the block itself is the MLP, with its depthwise convolution.
    convolved = kind == "inverted" or any(isinstance(module, nn.Conv2d) and module.groups == 1 for _, module in inside)
    place = f"{name}.{part}" if part else name
    return Layer(f"{place}.{active[0]}", channels_last=not convolved) if len(active) == 1 else None


def _is_activation(module: nn.Module) -> bool:
    name = type(module).__name__.lower().removesuffix("activation")
    return name.endswith(ACTIVATIONS) and not list(module.children())


def _found_blocks(tower: nn.Module) -> tuple[Layer, ...]:
    return tuple(Layer(name, channels_last=kind == "transformer") for name, kind in _blocks(tower).items())


def _found_units(tower: nn.Module) -> tuple[Layer, ...]:
    found = (_units_of(tower, name, kind) for name, kind in _blocks(tower).items())
    return tuple(layer for layer in found if layer is not None)


def _inside(name: str, outer: str) -> bool:
    return name.startswith(f"{outer}.")


def _unknown(tower: nn.Module, what: str) -> tuple[Layer, ...]:
    raise InputError(f"the {what} of this tower ({type(tower).__name__}) are not recognised; {_candidates(tower)}")


def _candidates(tower: nn.Module) -> str:
    """Names to choose from: non-linearities first, else whatever there is."""
    modules = [(name, module) for name, module in tower.named_modules() if name]
    names = [name for name, module in modules if _is_activation(module)] or [name for name, _ in modules]
    shown = ", ".join(names[:12]) + (f", … ({len(names)} in all)" if len(names) > 12 else "")
    return f"name its layers with --layers 'name,name', for instance from: {shown or 'none: it has no submodules'}"
