"""The messages of the manager interface (AMI): parsing of received bytes, checks of headers before they are sent.

Text only, no connection: AMI is a line protocol (``Key: value`` CR LF, an empty line ends a message).
"""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Iterator, Mapping, Sequence

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

log = logging.getLogger(__name__)


def parse(block: str) -> Message | None:
    """Parse one message without its closing empty line; return None if it is neither an event nor an answer.

    Also accepts ``Response: Follows``, which ends with a body that has no header (Asterisk before 14).
    """
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


def checked(headers: Headers) -> dict[str, str | list[str]]:
    """Return the headers in panoramisk's form. Raises ValueError if one could break out of its line."""
    result: dict[str, str | list[str]] = {}
    for key, value in headers.items():
        values = [value] if isinstance(value, str) else list(value)
        if ":" in key or BREAKS_OUT.search(key) or any(map(BREAKS_OUT.search, values)):
            raise ValueError(f"AMI {headers.get('Action')!r}: {key!r} must not contain CR, LF or NUL")
        result[key] = value if isinstance(value, str) else values
    return result


def unfit(headers: Mapping[str, str | list[str]]) -> str | None:
    """Return why Asterisk could not read these headers, although they are safe; None if it can."""
    for key, value in headers.items():
        for line in [value] if isinstance(value, str) else value:
            try:
                length = len(f"{key}: {line}".encode())
            except UnicodeEncodeError:
                return f"{key} is not valid Unicode text"
            if length > MAX_LINE:
                return f"{key} makes a line of {length} bytes, Asterisk takes at most {MAX_LINE}"
    return None
