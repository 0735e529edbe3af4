"""UnitMem and ClassMem: scores, audit, page, comparison."""
