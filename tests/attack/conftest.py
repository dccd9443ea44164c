"""Attacks share the prompts of the other stories."""

from __future__ import annotations

from tests.e2e.conftest import brief

__all__ = ["brief"]
