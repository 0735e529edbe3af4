"""VL-Déjà-Vu: scores, audit, page, comparison."""
