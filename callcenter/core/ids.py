"""What things are called by: strings that must not be taken for one another."""

from __future__ import annotations

from typing import NewType

ServerId = NewType("ServerId", str)
"""The name of one Asterisk."""
