"""`callcenter demo`: the line with simulated callers and operators."""
