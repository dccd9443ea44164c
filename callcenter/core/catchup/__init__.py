"""Catching up: after a start, and after every connection with Asterisk."""
