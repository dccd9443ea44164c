"""Catch up with what happened unseen: after a start, and after every connection with Asterisk."""
