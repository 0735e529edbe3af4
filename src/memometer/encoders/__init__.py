"""Models behind one small protocol: open_clip models and checkpoints, vectors that already exist."""
