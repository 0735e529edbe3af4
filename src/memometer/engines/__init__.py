"""Where pieces of work run: in this process or in a pool of worker processes."""

from memometer.engines.pool import decoding_workers, default_workers, end_with_parent, map_ordered

__all__ = ["decoding_workers", "default_workers", "end_with_parent", "map_ordered"]
