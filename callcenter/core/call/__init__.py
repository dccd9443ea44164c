"""The rules for one call, from its arrival to its end."""
