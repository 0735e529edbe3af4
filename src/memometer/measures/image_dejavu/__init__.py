"""Image-only déjà vu: scores, audit, page, comparison."""
