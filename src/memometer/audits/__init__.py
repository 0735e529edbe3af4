"""One file per audit: runs the stages in order and keeps the result in a run folder."""
