"""Where pieces of work run: in this process, in others, on the machines of a cluster, or shared with other shards."""

from memometer.engines.base import Engine, Here, Job, current, using
from memometer.engines.pool import (
    decoding_workers,
    default_workers,
    end_with_parent,
    map_ordered,
    processes_to_decode,
)

__all__ = [
    "Engine",
    "Here",
    "Job",
    "current",
    "decoding_workers",
    "default_workers",
    "end_with_parent",
    "map_ordered",
    "processes_to_decode",
    "using",
]
