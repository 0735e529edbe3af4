"""Vocabularies, object sets in compressed sparse rows, boxes and classes, and the nouns of captions."""

from memometer.objects.boxes import Boxes, boxes_of
from memometer.objects.classes import class_ids, image_classes, largest_box_classes
from memometer.objects.nouns import caption_objects, label_forms, mentioned
from memometer.objects.sets import ObjectSets, concat_sets, label_union, object_sets
from memometer.objects.vocabulary import Vocabulary, default_vocabulary, load_vocabulary

__all__ = [
    "Boxes",
    "ObjectSets",
    "Vocabulary",
    "boxes_of",
    "caption_objects",
    "class_ids",
    "concat_sets",
    "default_vocabulary",
    "image_classes",
    "label_forms",
    "label_union",
    "largest_box_classes",
    "load_vocabulary",
    "mentioned",
    "object_sets",
]
