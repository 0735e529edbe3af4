"""Embeddings: planned in pieces, encoded, stored on disk, read a tile at a time."""
