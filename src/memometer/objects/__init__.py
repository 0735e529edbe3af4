"""Vocabularies, object sets in compressed sparse rows, and the nouns of captions."""

from memometer.objects.nouns import caption_objects, label_forms, mentioned
from memometer.objects.sets import ObjectSets, concat_sets, label_union, object_sets
from memometer.objects.vocabulary import Vocabulary, default_vocabulary, load_vocabulary

__all__ = [
    "ObjectSets",
    "Vocabulary",
    "caption_objects",
    "concat_sets",
    "default_vocabulary",
    "label_forms",
    "label_union",
    "load_vocabulary",
    "mentioned",
    "object_sets",
]
