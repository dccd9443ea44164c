"""What can go wrong with the register of requests."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from callcenter.core.errors import ReadableError
from callcenter.requests.refusal import Refused


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
    """The rules do not allow the action. `refused` says why, for any language; the text is its English sentence."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.refused = refused


class FileProblem(StrEnum):
    """What is wrong with a file."""

    NO_FILES = "no_files"
    TOO_LARGE = "too_large"
    EMPTY = "empty_file"
    WRONG_TYPE = "wrong_type"
    WRONG_CONTENT = "wrong_content"
    DISK_FULL = "disk_full"
    NOT_WRITTEN = "not_written"
    UNKNOWN = "unknown_file"
    DELETED = "deleted"
    NOT_READ = "not_read"
    UNCHECKED = "unchecked"
    INFECTED = "infected"


FILE_SENTENCES: Mapping[FileProblem, str] = {
    FileProblem.NO_FILES: "This line takes no files",
    FileProblem.TOO_LARGE: "{name} is larger than {megabytes} MB; nothing has changed",
    FileProblem.EMPTY: "{name} is empty; nothing has changed",
    FileProblem.WRONG_TYPE: "{name} is of a type that is not taken; allowed are: {allowed}",
    FileProblem.WRONG_CONTENT: "{name} is not what its name says: its content is no {ending}; nothing has changed",
    FileProblem.DISK_FULL: "{name} was not kept, the disk is full; nothing has changed",
    FileProblem.NOT_WRITTEN: "{name} was not kept, it could not be written ({cause}); nothing has changed",
    FileProblem.UNKNOWN: "This request has no such file",
    FileProblem.DELETED: "The file was kept long enough and is deleted",
    FileProblem.NOT_READ: "{name} cannot be read: {cause}",
    FileProblem.UNCHECKED: "{name} is not handed out yet: the virus scanner has not answered",
    FileProblem.INFECTED: "{name} is not handed out: the virus scanner has found {found} in it",
}
"""In English, without their full stops; the desk's catalogue has them in Russian."""


class AttachmentError(RequestError):
    """A file cannot be kept, or not be found any more. `problem` and `values` say why, for any language."""

    def __init__(self, problem: FileProblem, **values: str | tuple[str, ...]) -> None:
        named = {name: one if isinstance(one, str) else ", ".join(one) for name, one in values.items()}
        super().__init__(FILE_SENTENCES[problem].format(**named))
        self.problem = problem
        self.values = values
