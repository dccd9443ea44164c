"""Errors of news and articles. Their texts are for people at a terminal; the API has its own, in two languages."""

from __future__ import annotations

from callcenter.core.errors import ReadableError


class KnowledgeError(ReadableError):
    """Something cannot be saved, found or read."""


class UnknownError(KnowledgeError):
    """There is no such article, piece of news or version."""


class ChangedMeanwhileError(KnowledgeError):
    """Somebody else has saved a newer version than the one that was changed here; nothing was saved."""

    def __init__(self, what: str, present: int) -> None:
        super().__init__(f"{what} was changed meanwhile: its version is {present} now; nothing was saved")
        self.present = present
        """The version that there is now."""


class NameTakenError(KnowledgeError):
    """An article of this name exists already."""
