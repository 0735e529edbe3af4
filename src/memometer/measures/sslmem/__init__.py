"""SSLMem and LayerMem: scores, audit, page, comparison."""
