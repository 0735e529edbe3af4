"""Embeddings: planned in pieces, encoded, stored on disk, read a tile at a time."""

from memometer.embeddings.decoding import Batch
from memometer.embeddings.embed import AnyEncoder, Embedded, embed_images, embed_texts
from memometer.embeddings.loading import load_encoder
from memometer.embeddings.means import MeanEmbeddings, mean_captions, mean_views
from memometer.embeddings.stored import StoredVectors
from memometer.embeddings.vectors import Embeddings, normalise
from memometer.embeddings.views import view_batches

__all__ = [
    "AnyEncoder",
    "Batch",
    "Embedded",
    "Embeddings",
    "MeanEmbeddings",
    "StoredVectors",
    "embed_images",
    "embed_texts",
    "load_encoder",
    "mean_captions",
    "mean_views",
    "normalise",
    "view_batches",
]
