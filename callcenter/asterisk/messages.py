"""What goes over the manager interface (AMI): messages read from bytes, headers checked before they leave.

Text only, no connection: AMI is a line protocol (``Key: value`` CR LF, an empty line ends a message).
"""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Iterator, Mapping, Sequence

Message = Mapping[str, str]
"""A parsed message: an event (has ``Event``), or else an answer (has ``Response``).

Keys are as Asterisk spells them. What stands in several headers of one name is joined by newlines: Asterisk repeats
``…Variable`` and ``Output``, and no other, so a newline in another value shows that somebody else wrote into it.
"""

Headers = Mapping[str, str | Sequence[str]]
"""An action to send. A sequence becomes a repeated header."""

MAX_MESSAGE = 256 * 1024
"""Characters. A peer that sends a longer message without an end is not talking AMI."""
MAX_LINE = 1022
"""Bytes. Asterisk discards the whole of an action that has a longer line (1024 with its CR LF)."""

BREAKS_OUT = re.compile("[\r\n\0]")
"""What would end a line, and so turn part of a value into another header or another action."""

log = logging.getLogger(__name__)


def parse(block: str) -> Message | None:
    """One message without its closing empty line; None when it is neither an event nor an answer.

    Also takes ``Response: Follows``, after which a body stands in place of headers (Asterisk before 14).
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
            value = value.replace("\n", " ")  # a caller's line feed must not look like one more variable
        if key == "Event" and ("Event" in message or "Response" in message):
            continue  # the first line tells the kind, whatever a later one claims
        message[key] = f"{message[key]}\n{value}" if key in message else value
    return message if "Event" in message or "Response" in message else None


class MessageReader:
    """Bytes in, messages out: the same messages wherever the stream is cut."""

    def __init__(self) -> None:
        # A byte that is no UTF-8 costs one letter, not the connection.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that ``data`` completes, in order. Raises ValueError at one that is too long."""
        *blocks, self._rest = (self._rest + self._decoder.decode(data)).split("\r\n\r\n")
        for block in blocks:
            self._check_length(len(block))
            message = parse(block)
            if message is not None:
                yield message
            elif block:
                log.debug("AMI: passed over %d characters that are no message", len(block))
        self._check_length(len(self._rest) - 3)  # which may be most of the separator

    @staticmethod
    def _check_length(length: int) -> None:
        if length > MAX_MESSAGE:
            raise ValueError(f"no end of a message in {MAX_MESSAGE} characters: is this port Asterisk's AMI?")


def checked(headers: Headers) -> dict[str, str | list[str]]:
    """The headers as panoramisk takes them; ValueError when one could break out of its line."""
    result: dict[str, str | list[str]] = {}
    for key, value in headers.items():
        values = [value] if isinstance(value, str) else list(value)
        if ":" in key or BREAKS_OUT.search(key) or any(map(BREAKS_OUT.search, values)):
            raise ValueError(f"AMI {headers.get('Action')!r}: {key!r} must not contain CR, LF or NUL")
        result[key] = value if isinstance(value, str) else values
    return result


def unfit(headers: Mapping[str, str | list[str]]) -> str | None:
    """Why Asterisk would not understand these headers, harmless as they are; None when it will."""
    for key, value in headers.items():
        for line in [value] if isinstance(value, str) else value:
            try:
                length = len(f"{key}: {line}".encode())
            except UnicodeEncodeError:
                return f"{key} is not valid Unicode text"
            if length > MAX_LINE:
                return f"{key} makes a line of {length} bytes, Asterisk takes at most {MAX_LINE}"
    return None
