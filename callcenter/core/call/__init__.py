"""The rules of one call, from its arrival to its end."""
