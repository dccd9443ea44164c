"""Errors that people see."""

from __future__ import annotations


class ReadableError(Exception):
    """Its text is a sentence for people: what is wrong, and what to do."""
