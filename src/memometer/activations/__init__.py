"""What the layers of a model's towers answer to records: which layers, hooks on them, passes in pieces."""

from memometer.activations.layers import Layer, block_layers, named_layers, unit_layers
from memometer.activations.reader import OUTPUT, TowerReader, open_tower
from memometer.activations.views import ViewPlan, Views, read_views

__all__ = [
    "OUTPUT",
    "Layer",
    "TowerReader",
    "ViewPlan",
    "Views",
    "block_layers",
    "named_layers",
    "open_tower",
    "read_views",
    "unit_layers",
]
