"""What can go wrong with the register of requests."""

from __future__ import annotations

from callcenter.core.errors import ReadableError
from callcenter.requests.change import Refused, Why


class RequestError(ReadableError):
    """Nothing has changed. The text says why."""


class UnknownRequest(RequestError):
    """There is no such request."""


class NoRequests(RequestError):
    """The line has no `requests` in the configuration."""


class ChangedMeanwhile(RequestError):
    """Somebody else has changed the request since it was read. `version` is the present one."""

    def __init__(self, what: str, version: int, by: str) -> None:
        super().__init__(f"{what} was changed meanwhile by {by}: look at it again, then decide")
        self.version = version
        self.by = by


class ActionRefused(RequestError):
    """The rules do not allow the action. `why` says which kind of reason it is; the text is a sentence for people."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.why: Why = refused.why


class AttachmentError(RequestError):
    """A file cannot be kept, or not be found any more."""
