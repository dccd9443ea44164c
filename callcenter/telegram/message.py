"""A message to a bot, as a person would read it. Pure: an update in, words and names of files out.

Whatever Telegram's servers pass on was made by somebody else's program, so each field is looked at before it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

_MOST_FILES = 20
_FILES = {
    "document": "file",
    "audio": "audio.mp3",
    "voice": "voice.ogg",
    "video": "video.mp4",
    "video_note": "video.mp4",
    "animation": "animation.mp4",
}
"""What has a file, and its name if the sender gave none."""
_EDITED = "[Сообщение исправлено]\n"
_FORWARDED = "[Переслано]\n"


@dataclass(frozen=True, slots=True)
class File:
    """A file that the server has. `size`: bytes; 0: unknown."""

    id: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote to the bot in private."""

    chat: str
    """The id of the conversation: whom an answer goes to."""
    id: int
    edited: int
    """When it was last changed, as Telegram counts; 0: never. A change is a message of its own."""
    name: str
    text: str
    files: tuple[File, ...]
    at: datetime
    answers: int | None
    """The id of the message that it answers."""

    @property
    def key(self) -> str:
        """What the register knows it by: the same however often it is delivered."""
        return f"{self.chat}:{self.id}:{self.edited}"

    @property
    def begins(self) -> bool:
        """Whether it only opens the conversation: Telegram sends `/start` for a button."""
        words = self.text.split()
        return bool(words) and words[0] == "/start" and not self.files


def read(update: Mapping[str, Any]) -> Message | None:
    """Return what an update brings; None: nothing for us, as from groups, channels and other bots."""
    edited = update.get("edited_message")
    found = edited if isinstance(edited, Mapping) else update.get("message")
    if not isinstance(found, Mapping):
        return None
    chat, sender = _object(found, "chat"), _object(found, "from")
    if chat.get("type") != "private" or sender.get("is_bot") is True:
        return None
    conversation, number = chat.get("id"), found.get("message_id")
    if not _whole(conversation) or not _whole(number):
        return None
    changed = found.get("edit_date")
    text = _words(found)
    if not text and not (files := _files(found)):
        return None
    files = _files(found)
    if edited is not None:
        text = _EDITED + text
    answered = _object(found, "reply_to_message").get("message_id")
    return Message(
        chat=str(conversation),
        id=int(number),
        edited=int(changed) if edited is not None and _whole(changed) else 0,
        name=" ".join(str(sender.get(part) or "")[:100] for part in ("first_name", "last_name")).strip(),
        text=text,
        files=files,
        at=_moment(found.get("date")),
        answers=answered if _whole(answered) else None,
    )


def _words(found: Mapping[str, Any]) -> str:
    text = found.get("text") or found.get("caption") or ""
    said = [text] if isinstance(text, str) and text.strip() else []
    contact, place, sticker = _object(found, "contact"), _object(found, "location"), _object(found, "sticker")
    if contact:
        named = " ".join(str(contact.get(part) or "") for part in ("first_name", "last_name", "phone_number"))
        said.append(f"[Контакт: {named.strip()[:200]}]")
    if place:
        said.append(f"[Место: {str(place.get('latitude'))[:20]}, {str(place.get('longitude'))[:20]}]")
    if sticker:
        said.append(f"[Стикер {str(sticker.get('emoji') or '')[:10]}]".replace(" ]", "]"))
    if not said and (unknown := [name for name in _UNTOLD if found.get(name)]):
        said.append(f"[{_UNTOLD[unknown[0]]}]")
    return (_FORWARDED if said and found.get("forward_origin") else "") + "\n".join(said)


_UNTOLD = {"poll": "Опрос", "dice": "Кубик", "game": "Игра", "story": "История", "venue": "Место"}
"""What is only told that it came."""


def _files(found: Mapping[str, Any]) -> tuple[File, ...]:
    files = [file for kind, name in _FILES.items() if (file := _file(_object(found, kind), name))]
    pictures = found.get("photo")
    if isinstance(pictures, Sequence) and not isinstance(pictures, str):  # the same one in several sizes
        sizes = [file for one in pictures if isinstance(one, Mapping) and (file := _file(one, "photo.jpg"))]
        files += sizes[-1:]
    if found.get("animation"):  # Telegram repeats it as a document
        files = [file for file in files if file.name != _FILES["animation"] or len(files) == 1]
    return tuple(files[:_MOST_FILES])


def _file(found: Mapping[str, Any], name: str) -> File | None:
    id_, size = found.get("file_id"), found.get("file_size")
    if not isinstance(id_, str) or not 0 < len(id_) <= 300:
        return None
    given = found.get("file_name")
    return File(id_, given if isinstance(given, str) and given else name, size if _whole(size) else 0)


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def _moment(value: Any) -> datetime:
    """Return when it was sent; the beginning of time, if that makes no sense: then it counts as old."""
    try:
        return datetime.fromtimestamp(value, UTC) if _whole(value) else datetime.fromtimestamp(0, UTC)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)


def parts(text: str, longest: int) -> list[str]:
    """Return the text in pieces that Telegram takes: split between paragraphs, lines or words where there are any.

    Telegram counts UTF-16 units: a picture sign is two.
    """
    found: list[str] = []
    rest = text.strip()
    while rest:
        if _units(rest) <= longest:
            return [*found, rest]
        end = _fitting(rest, longest)
        cuts = (rest.rfind(mark, end // 3, end) for mark in ("\n\n", "\n", " "))
        end = next((cut for cut in cuts if cut > 0), end)
        found.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return found


def _units(text: str) -> int:
    return len(text) + sum(sign > "\uffff" for sign in text)


def _fitting(text: str, longest: int) -> int:
    units = 0
    for at, sign in enumerate(text):
        units += 2 if sign > "\uffff" else 1
        if units > longest:
            return at
    return len(text)
