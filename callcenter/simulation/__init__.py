"""A day, a year or a recorded trace of the call centre in virtual time, on the very core of the live controller."""
