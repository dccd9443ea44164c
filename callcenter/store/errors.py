"""Errors of the call register."""

from __future__ import annotations

from callcenter.core.errors import ReadableError


class RegisterError(ReadableError):
    """The register cannot be used. The text says what was found, where, and what to do."""


class RegisterAwayError(RegisterError):
    """Facts could not be written now, but another attempt can help: the register is locked, full or unreachable."""


class OutdatedError(RegisterError):
    """The register has to be upgraded, which the controller does when it starts."""


class FactError(RegisterError):
    """One of the facts cannot be stored at all. The text has nothing of what the fact says: it is personal data."""
