"""Sources, records, splits into roles, duplicates, and the built-in scenes."""
