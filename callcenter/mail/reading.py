"""A mail as its bytes say it: who, to what it replies, its text, its files. Pure; nothing that a sender writes raises.

Headers are decoded one by one and cut before: the standard library's parser of addresses takes seconds for some.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import policy
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.utils import getaddresses

from callcenter.mail import nature as natures
from callcenter.mail.charsets import text_of
from callcenter.mail.ids import ID, MOST_REFERENCES
from callcenter.mail.page import page
from callcenter.mail.page import text_of as text_of_html
from callcenter.requests.belonging import Nature

LONGEST_TEXT = 90_000
"""Characters; the rest is in the original."""
LONGEST_HEADER = 4_000
MOST_PARTS, MOST_FILES = 500, 50
MOST_HEADERS = 10_000
CUT = "\n\n[Текст длиннее; целиком он в исходном письме.]"
UNREADABLE = "[Письмо устроено так, что прочитать его не удалось. Исходное письмо сохранено.]\n\n"
MORE_FILES = "\n\n[Файлов больше; остальные в исходном письме.]"


@dataclass(frozen=True, slots=True)
class File:
    """A file in a mail. `name`: what the sender called it."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says."""

    key: str
    """Its own id, the same wherever and however often it arrives; mails that only share a Message-ID have others."""
    message_id: str
    sender: str
    """An address; '' if there is none. As it is written."""
    sender_name: str
    reply_to: str
    """Where it wants its answer; the sender, if it does not say."""
    subject: str
    nature: Nature
    quiet: bool
    refers: tuple[str, ...]
    """Message-IDs to which it refers, the nearest first."""
    why: str
    """Of a letter that came back: why."""
    text: str
    page: str
    """Its HTML, cleaned, as a whole page; '' if it has none."""
    files: tuple[File, ...]
    readable: bool = True


def read(raw: bytes) -> Mail:
    """Return what a mail says; of one that cannot be understood at least its headers and the beginning of its text."""
    try:
        return _read(BytesParser(policy=policy.compat32).parsebytes(raw), raw)
    except (RecursionError, MemoryError, Exception):  # noqa: BLE001 - whatever a stranger's bytes do to the parser
        return _beginning(raw)


def read_beginning(raw: bytes) -> Mail:
    """Return what the beginning of a mail says that is too large to be read as a whole."""
    return _beginning(raw)


def _read(message: Message, raw: bytes) -> Mail:
    headers = _headers(message)
    texts: list[str] = []
    htmls: list[str] = []
    files: list[File] = []
    pictures: dict[str, tuple[str, bytes]] = {}
    for part in _parts(message):
        kind = part.get_content_type()
        if kind in ("text/plain", "text/html") and not _is_file(part):
            words = text_of(_content(part), part.get_content_charset("") or "").replace("\r\n", "\n")
            (htmls if kind == "text/html" else texts).append(words)
            continue
        found = _file(part, kind, len(files) + 1)
        if not found.content:
            continue
        if cid := header_text(part.get("Content-ID", "")).strip().strip("<>"):
            pictures[cid] = (kind, found.content)
        files.append(found)
    text = "\n".join(one.strip("\n") for one in texts if one.strip())
    text = text or "\n".join(text_of_html(one) for one in htmls)
    report = natures.delivery_report(message, text)
    subject = headers.get("subject", "")
    sender, sender_name = _address(message, "from")
    kind = natures.nature(headers, sender.lower(), subject, report)
    refers = list(_references(headers))
    if kind is not Nature.WRITTEN:  # what came back, or is answered by a machine, is often inside alone
        refers += [one for told in (*natures.ids_of_returned(message), text[:50_000]) for one in ID.findall(told)]
    return Mail(
        key=_key(message, raw),
        message_id=next(iter(ID.findall(headers.get("message-id", ""))), ""),
        sender=sender,
        sender_name=sender_name,
        reply_to=_address(message, "reply-to")[0] or sender,
        subject=subject,
        nature=kind,
        quiet=natures.quiet(headers),
        refers=tuple(dict.fromkeys(refers))[:MOST_REFERENCES],
        why=natures.why_returned(report, text) if kind is Nature.RETURNED else "",
        text=_cut(text) + (MORE_FILES if len(files) > MOST_FILES else ""),
        page=page("\n<hr>\n".join(htmls), subject, pictures) if htmls else "",
        files=tuple(files[:MOST_FILES]),
    )


def _beginning(raw: bytes) -> Mail:
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    message = BytesHeaderParser(policy=policy.compat32).parsebytes(head[:1_000_000] + b"\n\n")
    headers = _headers(message)
    sender, sender_name = _address(message, "from")
    subject = headers.get("subject", "")
    return Mail(
        key=_key(message, raw),
        message_id=next(iter(ID.findall(headers.get("message-id", ""))), ""),
        sender=sender,
        sender_name=sender_name,
        reply_to=_address(message, "reply-to")[0] or sender,
        subject=subject,
        nature=natures.nature(headers, sender.lower(), subject, None),
        quiet=natures.quiet(headers),
        refers=tuple(dict.fromkeys(_references(headers)))[:MOST_REFERENCES],
        why="",
        text=UNREADABLE + _cut(text_of(body[:20_000], "")),
        page="",
        files=(),
        readable=False,
    )


def header_text(value: object) -> str:
    """Return a header's value in one line: encoded words and raw bytes of whatever charset are text."""
    raw = str(value)[:LONGEST_HEADER].encode("utf-8", "surrogateescape")
    if b"=?" not in raw:
        return " ".join(text_of(raw, "").split())
    try:
        pieces = decode_header(text_of(raw, ""))
    except Exception:  # noqa: BLE001 - base64 that is none, and the like
        return " ".join(text_of(raw, "").split())
    words = [one if isinstance(one, str) else text_of(one, charset or "") for one, charset in pieces]
    return " ".join("".join(words).split())


def _headers(message: Message) -> Mapping[str, str]:
    """Return the first header of each name, in small letters, as text."""
    found: dict[str, str] = {}
    for name, value in message.raw_items():
        if len(found) >= MOST_HEADERS:
            break
        if (small := name.lower()) not in found:
            found[small] = header_text(value) if small not in ("from", "to", "cc") else str(value)[:LONGEST_HEADER]
    return found


def _address(message: Message, name: str) -> tuple[str, str]:
    """Return the first address of a header, and its name."""
    found_headers = [value for called, value in message.raw_items() if called.lower() == name]
    for raw in found_headers[:3]:
        # Names are decoded after the list is taken apart: an encoded comma separates nothing.
        for called, address in getaddresses([str(raw)[:LONGEST_HEADER].replace("\n", " ").replace("\r", " ")]):
            found = "".join(address.split())
            if "@" in found and len(found) <= 320 and found.isprintable():
                return found, header_text(called)[:300]
    return "", ""


def _references(headers: Mapping[str, str]) -> Iterator[str]:
    yield from ID.findall(headers.get("in-reply-to", ""))
    yield from reversed(ID.findall(headers.get("references", "")))


def _parts(message: Message) -> Iterator[Message]:
    """Yield what a mail has, in order; a mail within it is one part. Of alternatives, all."""
    waiting, seen = [message], 0
    while waiting and seen < MOST_PARTS:
        part = waiting.pop()
        seen += 1
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting.extend(reversed([one for one in inner if isinstance(one, Message)]))
        else:
            _with_text_in_headers(part)
            yield part


def _with_text_in_headers(part: Message) -> None:
    """Make text of names of files that stand in a header as bare bytes: the library would lose them."""
    for name, value in list(part.raw_items()):
        raw = str(value)
        if name.lower() in ("content-type", "content-disposition") and not raw.isascii():
            part.replace_header(name, text_of(raw[:LONGEST_HEADER].encode("utf-8", "surrogateescape"), ""))


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _content(part: Message) -> bytes:
    if part.get_content_maintype() == "message" and part.is_multipart():
        inner = part.get_payload()
        return b"\n".join(one.as_bytes() for one in inner if isinstance(one, Message))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _file(part: Message, kind: str, running: int) -> File:
    name = header_text(part.get_filename() or "")
    if kind == "message/rfc822":
        inner = part.get_payload(0) if part.is_multipart() else None
        name = name or header_text(inner.get("Subject", "") if isinstance(inner, Message) else "")[:100] or "письмо"
        name = name if name.lower().endswith(".eml") else f"{name}.eml"
    elif not name:
        ending = ".txt" if kind.startswith(("text/", "message/")) else mimetypes.guess_extension(kind) or ".bin"
        name = f"{'picture' if kind.startswith('image/') else 'part'}-{running}{ending}"
    return File(name, kind, _content(part))


def _key(message: Message, raw: bytes) -> str:
    """Return an id of what was written: not of the way that it took, which headers tell."""
    digest = hashlib.sha256()
    for name in ("message-id", "from", "date", "subject"):
        digest.update(str(message.get(name, "")).encode("utf-8", "surrogateescape") + b"\0")
    ends = [place for mark in (b"\n\n", b"\r\n\r\n") if (place := raw.find(mark)) >= 0]
    digest.update(memoryview(raw)[min(ends) :] if ends else b"")
    return digest.hexdigest()[:40]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + CUT
