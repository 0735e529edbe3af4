"""memometer: what vision-language and vision models have memorized of their training data."""

__version__ = "0.1.0"
