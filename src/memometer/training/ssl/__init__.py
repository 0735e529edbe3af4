"""Self-supervised training of image encoders."""
