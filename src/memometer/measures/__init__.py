"""One file per measure: pure functions on arrays."""
