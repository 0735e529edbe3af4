"""Charts, the gallery, and the one self-contained HTML file."""
