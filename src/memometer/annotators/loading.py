"""From what a user names to an annotator."""

from importlib import import_module

from memometer.annotators.base import Annotator, Asked
from memometer.encoders.offered import ANNOTATORS, offered
from memometer.errors import InputError

__all__ = ["COLUMNS", "DETECTORS", "KINDS", "LABEL_FILES", "OWN", "is_label_file", "load_annotator"]

KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "owlv2": ("owlv2:load_owlv2", ("templates",)),
    "grounding-dino": ("grounding_dino:load_grounding_dino", ()),
    "omdet": ("omdet:load_omdet", ()),
    "rtdetr": ("closed_set:load_closed_set", ()),
    "timm": ("timm_tagger:load_timm_tagger", ("probability",)),
    "zero-shot": ("zero_shot:load_zero_shot", ("templates", "temperature")),
    "python": ("offered:load_python_annotator", ("templates", "temperature", "probability")),
}
"""Kind of annotator → the module of this folder and its function, and the options that it takes beside the vocabulary
and the threshold. The function is given what stands after ``KIND:`` and `Asked`."""

DETECTORS = {"owlv2": "google/owlv2-base-patch16-ensemble", "grounding-dino": None, "omdet": None, "rtdetr": None}
"""Kinds whose models are in folders or on the Hugging Face hub → the one that is taken where none is named."""

OWN = ("templates", "temperature", "probability")
"""Options that not every annotator takes."""


COLUMNS = ("id_column", "image_column", "label_column", "scores_column", "boxes_column")
"""Options that say where labels are in a file."""

LABEL_FILES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("coco", "lvis", "openimages", "voc", "yolo", "folders"), ()),
    **dict.fromkeys(("labelstudio", "fiftyone"), ("label_column",)),
    "table": COLUMNS,
    "captions": ("vocabulary",),
}
"""Kinds of labels that are there already, for which no model runs → the options that they take beside the threshold."""


def is_label_file(with_: object) -> bool:
    """Whether labels are read, and not made."""
    return isinstance(with_, str) and with_.partition(":")[0] in LABEL_FILES


def load_annotator(spec: str, asked: Asked) -> Annotator:
    """Loads what a user names.

    - ``owlv2``, or ``owlv2:`` and a folder or a repository of the Hugging Face hub: OWLv2, any vocabulary.
    - ``grounding-dino:FOLDER``: Grounding DINO, MM-Grounding-DINO, LLMDet; any vocabulary.
    - ``omdet:FOLDER``: OmDet-Turbo, any vocabulary.
    - ``rtdetr:FOLDER``: RT-DETR, RF-DETR, DETR and their kin, with labels of their own.
    - ``timm:NAME``, ``timm:NAME@CHECKPOINT``, ``timm:FOLDER``: a classifier of timm as a tagger of whole images.
    - ``zero-shot:SPEC``: any model of images and texts, as `memometer.load_encoder` names it, as a tagger.
    - ``python:package.module:function``, a function of yours that returns an annotator.
    - ``NAME:…`` for any NAME that an installed package offers among the entry points ``memometer.annotators``.

    Args:
        spec: as above.
        asked: the vocabulary, the threshold, and so on.

    Raises:
        ModelError: it names nothing that can be loaded.
        InputError: no such kind, or an option that this kind does not take.
    """
    kind, _, rest = spec.partition(":")
    if kind not in KINDS and kind in offered(ANNOTATORS):
        from memometer.annotators.offered import load_offered_annotator  # here: torch loads

        return load_offered_annotator(spec, asked)
    if kind not in KINDS:
        raise InputError(
            f"'{spec}' names no annotator; expected {', '.join((*KINDS, *LABEL_FILES))}, with what is to be loaded, "
            "KIND:PATH; 'memometer models' lists all that can be named"
        )
    place, takes = KINDS[kind]
    for option in OWN:
        if getattr(asked, option) is not None and option not in takes:
            takers = " and ".join(name for name, (_, theirs) in KINDS.items() if option in theirs and name != "python")
            raise InputError(
                f"{kind} takes no --{option}; {takers} do{'' if ' and ' in takers else 'es'}: leave it out"
            )
    module, function = place.split(":")
    loaded: Annotator = getattr(import_module(f"memometer.annotators.{module}"), function)(rest, asked)
    return loaded
