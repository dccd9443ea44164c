"""What can go wrong when a note is saved."""

from __future__ import annotations

from callcenter.core.errors import ReadableError


class RegisteredAlreadyError(ReadableError):
    """The note is registered: a draft of it, which may have been on its way for long, changes nothing any more."""
