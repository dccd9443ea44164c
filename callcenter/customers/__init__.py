"""The customers' directory: its table, its file, and who calls."""
