"""Exact nearest neighbours by inner product or l2 distance."""

from memometer.neighbors.kept import KeptNeighbors, kept_search
from memometer.neighbors.oracle import search_oracle
from memometer.neighbors.result import Neighbors
from memometer.neighbors.search import products_used, search

__all__ = ["KeptNeighbors", "Neighbors", "kept_search", "products_used", "search", "search_oracle"]
