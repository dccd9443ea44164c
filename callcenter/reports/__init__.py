"""Everything that is asked of the store."""
