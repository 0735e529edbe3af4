"""Names of objects, from other places than memometer's own."""

import ast
import importlib.util
from pathlib import Path


def coco_names():
    """COCO's names as torchvision has them, without the seconds that importing torchvision takes."""
    source = Path(importlib.util.find_spec("torchvision").origin).with_name("models") / "_meta.py"
    lists = {
        node.targets[0].id: node.value for node in ast.parse(source.read_text()).body if isinstance(node, ast.Assign)
    }
    return [name for name in ast.literal_eval(lists["_COCO_CATEGORIES"]) if name not in {"__background__", "N/A"}]
