"""Errors shown to people."""

from __future__ import annotations


class ReadableError(Exception):
    """Error whose text is a sentence for people: what is wrong, and what to do."""
