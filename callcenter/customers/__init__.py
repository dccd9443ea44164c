"""The customers' directory: its table, its import file, and the lookup of callers."""
