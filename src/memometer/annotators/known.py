"""What can label images: every kind of annotator and of labels that are there, an example, and what it needs."""

import dataclasses

from memometer.encoders.known import Named

__all__ = ["ANNOTATORS", "LABELS", "Kind"]


@dataclasses.dataclass(frozen=True)
class Kind(Named):
    """One word before the colon of an annotator.

    Attributes:
        vocabulary: ``any`` where it is told what to look for, ``its own`` where it has labels.
        boxes: whether it says where things are.
    """

    vocabulary: str = "any"
    boxes: bool = True


def _detector(loads: str, *examples: str, vocabulary: str = "any") -> Kind:
    return Kind(loads, examples, package="transformers", extra="hf", vocabulary=vocabulary)


ANNOTATORS = {
    "owlv2": _detector(
        "OWLv2 of transformers; by default google/owlv2-base-patch16-ensemble", "owlv2", "owlv2:OWNER/NAME"
    ),
    "grounding-dino": _detector(
        "Grounding DINO, MM-Grounding-DINO, LLMDet of transformers", "grounding-dino:IDEA-Research/grounding-dino-tiny"
    ),
    "omdet": _detector("OmDet-Turbo of transformers", "omdet:omlab/omdet-turbo-swin-tiny-hf"),
    "rtdetr": _detector(
        "RT-DETR, RF-DETR, DETR and their kin of transformers", "rtdetr:PekingU/rtdetr_r50vd", vocabulary="its own"
    ),
    "timm": Kind(
        "classifiers of timm, as taggers of whole images",
        ("timm:tf_efficientnet_lite0@weights.pth?rename=order",),
        package="timm",
        vocabulary="its own",
        boxes=False,
    ),
    "zero-shot": Kind(
        "any model of images and texts, as a tagger of whole images",
        ("zero-shot:open_clip:ViT-B-32@laion2b_s34b_b79k",),
        boxes=False,
    ),
    "python": Kind(
        "an annotator that a function of yours returns", ("python:package.module:function",), vocabulary="its own"
    ),
}
"""The word before the colon → what labels images."""

LABELS = {
    "coco": Named("COCO's instances", ("coco:instances.json",)),
    "lvis": Named("LVIS's instances", ("lvis:lvis_v1_train.json",)),
    "openimages": Named("Open Images' boxes or labels of images", ("openimages:boxes.csv",)),
    "voc": Named("Pascal VOC's annotations", ("voc:FOLDER",)),
    "yolo": Named("YOLO's texts with their data.yaml", ("yolo:FOLDER", "yolo:data.yaml")),
    "labelstudio": Named("Label Studio's export as JSON", ("labelstudio:export.json",)),
    "fiftyone": Named("FiftyOne's export", ("fiftyone:FOLDER",)),
    "folders": Named("images in folders by class", ("folders:FOLDER",)),
    "table": Named("CSV, TSV or Parquet", ("table:labels.parquet",)),
    "captions": Named("the nouns of the captions", ("captions",)),
}
"""The word before the colon → labels that are there already."""
