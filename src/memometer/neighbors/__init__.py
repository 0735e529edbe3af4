"""Exact nearest neighbours by inner product."""
