"""Gaps with intervals: the bootstrap, the papers' spread, the balance of both ways."""
