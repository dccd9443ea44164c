"""The messages of the manager interface (AMI): parsing of received bytes, checks of headers before they are sent.

Text only, no connection: AMI is a line protocol (``Key: value`` CR LF, an empty line ends a message).
"""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Iterator, Mapping, Sequence

from callcenter.core.errors import ReadableError

Message = Mapping[str, str]
"""A parsed message: an event (has ``Event``), or else an answer (has ``Response``).

Keys are spelled as Asterisk spells them. Repeated headers are joined by newlines: Asterisk repeats only
``…Variable`` and ``Output``, so a newline in any other value shows that it was injected.
"""

Headers = Mapping[str, str | Sequence[str]]
"""An action to send. A sequence becomes a repeated header."""

MAX_MESSAGE = 256 * 1024
"""Characters. A peer that sends a longer message is not speaking AMI."""
MAX_LINE = 1022
"""Bytes. Asterisk discards the whole action if one of its lines is longer (1024 with CR LF)."""

BREAKS_OUT = re.compile("[\r\n\0]")
"""Characters that would end a line, and so turn part of a value into another header or action."""

_HEADER = re.compile(r"^([^:\r\n]*): ?([^\r\n]*)", re.MULTILINE)
"""A line, where none has a line break within."""
_KINDS = ("Event", "Response")
log = logging.getLogger(__name__)


class UnfitError(ReadableError):
    """Asterisk could not read an action, although it is safe; the text says why."""


def parse(block: str) -> Message | None:
    """Parse one message without its closing empty line; return None if it is neither an event nor an answer.

    Also accepts ``Response: Follows``, which ends with a body that has no header (Asterisk before 14).
    """
    message = _plain(block)
    return _parsed(block) if message is None else message


def _plain(block: str) -> dict[str, str] | None:
    """Parse a message as nearly all are, in a few steps; None for any other: a repeated header, noise, a line break."""
    ends = block.count("\r\n")
    if block.count("\r") != ends or block.count("\n") != ends:
        return None
    headers = _HEADER.findall(block)
    message = dict(headers)
    if not len(headers) == len(message) == ends + 1 or headers[0][0] not in _KINDS:
        return None
    return None if headers[0][0] == "Response" and ("Event" in message or headers[0][1] == "Follows") else message


def _parsed(block: str) -> Message | None:
    lines = block.split("\r\n")
    message: dict[str, str] = {}
    if block.startswith("Response: Follows"):
        message["Output"] = lines.pop()
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon:
            continue  # the banner, or noise
        value = value[1:] if value.startswith(" ") else value
        if key.endswith("Variable"):
            value = value.replace("\n", " ")  # a line feed from a caller must not look like another variable
        if key == "Event" and ("Event" in message or "Response" in message):
            continue  # the first line decides the kind, whatever a later one says
        message[key] = f"{message[key]}\n{value}" if key in message else value
    return message if "Event" in message or "Response" in message else None


class MessageReader:
    """Bytes in, messages out: the result does not depend on how the stream is split into chunks."""

    def __init__(self) -> None:
        # An invalid UTF-8 byte costs one character, not the connection.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that ``data`` completes, in order. Raises ValueError if one is too long."""
        *blocks, self._rest = (self._rest + self._decoder.decode(data)).split("\r\n\r\n")
        for block in blocks:
            self._check_length(len(block))
            message = parse(block)
            if message is not None:
                yield message
            elif block:
                log.debug("AMI: passed over %d characters that are no message", len(block))
        self._check_length(len(self._rest) - 3)  # the last 3 may belong to the separator

    @staticmethod
    def _check_length(length: int) -> None:
        if length > MAX_MESSAGE:
            raise ValueError(f"no end of a message in {MAX_MESSAGE} characters: is this port Asterisk's AMI?")


def rendered(headers: Headers) -> str:
    """Return an action as it is sent. Raises ValueError if a header could break out of its line, and `UnfitError`."""
    lines = []
    for key, value in sorted(headers.items()):
        if ":" in key:
            raise _breaks_out(headers, key)
        lines += [f"{key}: {value}"] if isinstance(value, str) else [f"{key}: {one}" for one in value]
    text, ends = "\r\n".join(lines), len(lines) - 1
    if text.count("\r") != ends or text.count("\n") != ends or "\0" in text:
        raise _breaks_out(headers, next(line.split(":")[0] for line in lines if BREAKS_OUT.search(line)))
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        key = next(line for line in lines if error.object[error.start] in line).split(":")[0]
        raise UnfitError(f"{key} is not valid Unicode text") from None
    if len(data) > MAX_LINE:  # else no line of it can be longer
        _check_lines(data)
    return f"{text}\r\n\r\n"


def _breaks_out(headers: Headers, key: str) -> ValueError:
    return ValueError(f"AMI {headers.get('Action')!r}: {key!r} must not contain CR, LF or NUL")


def _check_lines(data: bytes) -> None:
    for line in data.split(b"\r\n"):
        if len(line) > MAX_LINE:
            key = line.split(b":")[0].decode()
            raise UnfitError(f"{key} makes a line of {len(line)} bytes, Asterisk takes at most {MAX_LINE}")
