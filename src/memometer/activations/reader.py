"""Reading the layers of one tower while it encodes: each output is reduced at once to one number per unit."""

import functools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from memometer.activations.layers import Layer, block_layers, named_layers, unit_layers
from memometer.choices import Pool
from memometer.encoders.base import Tower, has_tower, name_of
from memometer.errors import InputError, VectorError

__all__ = ["OUTPUT", "TowerReader", "open_tower"]

OUTPUT = "output"
"""The name of the last layer: the tower's own output, its embedding."""

PIECE = 2**18
"""Values that a CPU reduces at once: 1 MB, which stays in its caches. A whole layer would be copied to new memory, and
to ask the system for that takes longer than to reduce it."""

Floats = npt.NDArray[np.float32]


class TowerReader:
    """One tower of an encoder, and the layers that are read at each forward pass.

    Tokens become their mean (those of a text without its padding, where the encoder has a ``content_mask``) and maps
    the mean over their places, in float32 and on the model's own device.

    Args:
        encoder: a model; see `memometer.encoders.base`.
        tower: ``"image"`` or ``"text"``.
        layers: modules of that tower; none reads the output alone.
        pool: see `memometer.choices.Pool`.
        rectify: count negative activations as 0.
        output: read the tower's output too, as the last layer.

    Raises:
        InputError: a layer does not run exactly once in a forward pass, or gives no tensor that can be pooled.

    Attributes:
        names: (layers,) of each layer; `OUTPUT` for the output.
        widths: (layers,) units of each layer.
    """

    def __init__(
        self,
        encoder: Any,
        tower: Tower,
        layers: Sequence[Layer],
        *,
        pool: Pool = "mean",
        rectify: bool = False,
        output: bool = True,
    ) -> None:
        self.encoder = encoder
        self.tower: Tower = tower
        self.names = (*(layer.name for layer in layers), *((OUTPUT,) if output else ()))
        self._module: nn.Module | None = encoder.tower(tower) if layers else None
        self._layers = tuple(layers)
        self._pool = pool
        self._rectify = rectify
        self._output = output
        self._taken: dict[str, list[torch.Tensor]] = {}
        self._mask: npt.NDArray[np.bool_] | None = None
        self.widths = tuple(array.shape[1] for array in self._probe())

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the tower of its own encoder."""
        again = functools.partial(TowerReader, pool=self._pool, rectify=self._rectify, output=self._output)
        return again, (self.encoder, self.tower, self._layers)

    @property
    def key(self) -> list[object]:
        """What the numbers depend on, as JSON, beside what is read."""
        return [self.encoder.identity, self.tower, self.names, self.widths, self._pool, self._rectify]

    def images(self, pixels: npt.NDArray[np.generic]) -> list[Floats]:
        """(n, …) stacked outputs of the encoder's ``preprocess`` → (n, width) of every layer."""
        return self._read(lambda: self.encoder.encode_images(pixels), len(pixels))

    def texts(self, texts: Sequence[str]) -> list[Floats]:
        """n strings → (n, width) of every layer."""
        mask = getattr(self.encoder, "content_mask", None)
        self._mask = mask(texts) if mask is not None and self._layers else None
        return self._read(lambda: self.encoder.encode_texts(texts), len(texts))

    def _read(self, encode: Any, n: int) -> list[Floats]:
        self._taken = {layer.name: [] for layer in self._layers}
        hooks = [self._hook(layer) for layer in self._layers]
        try:
            output = encode()
        finally:
            for hook in hooks:
                hook.remove()
        read = [self._whole(name, parts, n) for name, parts in self._taken.items()]
        self._taken = {}
        read += [np.asarray(output, np.float32)] if self._output else []
        for name, values in zip(self.names, read, strict=True):
            if not np.isfinite(values).all():
                raise VectorError(
                    f"the layer '{name}' of the {self.tower} tower of {name_of(self.encoder)} gave numbers that are "
                    "not finite; check the checkpoint, or run it in fp32"
                )
        return read

    def _hook(self, layer: Layer) -> torch.utils.hooks.RemovableHandle:
        assert self._module is not None  # noqa: S101 (there are no layers without a module)

        def take(_module: nn.Module, _inputs: Any, output: Any) -> None:
            self._taken[layer.name].append(self._reduced(layer, output[0] if isinstance(output, tuple) else output))

        return self._module.get_submodule(layer.name).register_forward_hook(take)

    def _reduced(self, layer: Layer, output: Any) -> torch.Tensor:
        """(n, width) float32 of an output of (n, width), (n, tokens, width) or a map."""
        dims = output.dim() if isinstance(output, torch.Tensor) else 0
        if dims not in (2, 3, 4):
            what = f"of shape {tuple(output.shape)}" if dims else f"of type {type(output).__name__}"
            raise InputError(
                f"the layer '{layer.name}' gives an output {what}; expected (n, width), (n, tokens, width) or a map of "
                "four dimensions: name another with --layers"
            )
        values: torch.Tensor = output if dims != 3 or self._batch_first(layer) else output.transpose(0, 1)
        size = PIECE * len(values) // max(1, values.numel()) if values.device.type == "cpu" else len(values)
        parts = torch.split(values, max(1, size))
        mask = None if self._mask is None or dims != 3 else torch.from_numpy(self._mask).to(values.device)
        masks = [None] * len(parts) if mask is None else torch.split(mask, max(1, size))
        return torch.cat([self._pooled(layer, part, mask) for part, mask in zip(parts, masks, strict=True)])

    def _pooled(self, layer: Layer, values: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """(n, width) float32 of values that have the inputs first; ``mask`` is that of a text's content."""
        values = values.float()
        values = values.relu() if self._rectify else values
        if values.dim() == 2:
            return values
        if values.dim() == 4:
            return values.mean(dim=(1, 2) if layer.channels_last else (2, 3))
        return self._of_tokens(values, mask)

    def _of_tokens(self, tokens: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """(n, tokens, width) → (n, width)."""
        if mask is None:
            return tokens[:, 0 if self.tower == "image" else -1] if self._pool == "cls" else tokens.mean(dim=1)
        extra = tokens.shape[1] - mask.shape[1]  # a class token that the model adds counts as the text's own
        mask = torch.nn.functional.pad(mask, (0, extra), value=True)
        if self._pool == "cls":
            places = torch.arange(tokens.shape[1], device=tokens.device)
            return tokens[torch.arange(len(tokens), device=tokens.device), (mask * places).argmax(dim=1)]
        shares = mask / mask.sum(dim=1, keepdim=True)
        return torch.bmm(shares[:, None, :], tokens)[:, 0]

    def _batch_first(self, layer: Layer) -> bool:
        """Whether tokens come as (n, tokens, width), as open_clip's transformers tell."""
        module = self._module
        for word in ["", *layer.name.split(".")]:
            module = module.get_submodule(word) if module is not None else None
            if getattr(module, "resblocks", None) is not None and getattr(module, "batch_first", True) is False:
                return False
        return True

    def _whole(self, name: str, parts: list[torch.Tensor], n: int) -> Floats:
        if len(parts) != 1 or len(parts[0]) != n:
            raise InputError(
                f"the layer '{name}' ran {len(parts)} times in one forward pass of the {self.tower} tower of "
                f"{name_of(self.encoder)} over {n} inputs; expected once for all of them: name another with --layers"
            )
        return parts[0].cpu().numpy()

    def _probe(self) -> list[Floats]:
        if self.tower == "text":
            return self.texts(["a photo"])
        blank = Image.new("RGB", (64, 64), (128, 128, 128))
        return self.images(np.stack([self.encoder.preprocess(blank)]))


def open_tower(
    encoder: Any,
    tower: Tower,
    *,
    read: Literal["blocks", "units"],
    names: Sequence[str] | None = None,
    pool: Pool = "mean",
    rectify: bool = False,
) -> TowerReader:
    """The reader of an encoder's tower: of its blocks and its output, or of its units.

    Args:
        encoder: a model.
        tower: which.
        read: ``"blocks"`` for LayerMem, ``"units"`` for UnitMem.
        names: the modules to read instead of those that are recognised.
        pool: see `memometer.choices.Pool`.
        rectify: count negative activations as 0.

    Raises:
        InputError: the encoder has no such tower, or its layers are not recognised.
    """
    if pool not in ("mean", "cls"):
        raise InputError(f"pool '{pool}' is not known; expected mean or cls")
    find = getattr(encoder, "tower", None)
    if find is None:
        raise InputError(
            f"{name_of(encoder)} gives no access to the layers of its towers; expected a model that runs here, such as "
            "open_clip:PATH, not vectors that exist already"
        )
    if not has_tower(encoder, tower):
        raise InputError(f"{name_of(encoder)} has no {tower} tower; choose another --tower, or another model")
    module = find(tower)
    layers = named_layers(module, names) if names else (block_layers if read == "blocks" else unit_layers)(module)
    return TowerReader(encoder, tower, layers, pool=pool, rectify=rectify, output=read == "blocks")
