"""CLIPMem: scores, audit, page, comparison."""
