"""Embeddings: planned in pieces, encoded, stored on disk, read a tile at a time."""

from memometer.embeddings.embed import Embedded, embed_images, embed_texts
from memometer.embeddings.loading import AnyEncoder, load_encoder
from memometer.embeddings.stored import StoredVectors
from memometer.embeddings.vectors import Embeddings, normalise

__all__ = [
    "AnyEncoder",
    "Embedded",
    "Embeddings",
    "StoredVectors",
    "embed_images",
    "embed_texts",
    "load_encoder",
    "normalise",
]
