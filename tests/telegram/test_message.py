"""What people send to a bot, as a person would read it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.telegram.message import Message, parts, read

FROM = {"id": 5, "is_bot": False, "first_name": "Анна", "last_name": "Ли"}


def message(**content: Any) -> dict[str, Any]:
    chat = {"id": 5, "type": "private"}
    return {"update_id": 1, "message": {"message_id": 7, "from": FROM, "chat": chat, "date": 1796000000, **content}}


def found(**content: Any) -> Message:
    one = read(message(**content))
    assert one is not None
    return one


def test_a_text() -> None:
    one = found(text="Не подписывается")
    assert (one.chat, one.id, one.name, one.text, one.files) == ("5", 7, "Анна Ли", "Не подписывается", ())
    assert one.key == "5:7:0"


def test_a_change_is_a_message_of_its_own_that_says_so() -> None:
    update = message(text="Не подписывается договор", edit_date=1796000100)
    one = read({"update_id": 2, "edited_message": update["message"]})
    assert one is not None
    assert one.key == "5:7:1796000100"
    assert one.text == "[Сообщение исправлено]\nНе подписывается договор"


@pytest.mark.parametrize(
    ("content", "text", "names"),
    [
        ({"document": {"file_id": "d", "file_name": "акт.pdf", "file_size": 5}, "caption": "Вот"}, "Вот", ["акт.pdf"]),
        ({"photo": [{"file_id": "s"}, {"file_id": "l", "file_size": 9}]}, "", ["photo.jpg"]),
        ({"voice": {"file_id": "v"}}, "", ["voice.ogg"]),
        ({"animation": {"file_id": "a"}, "document": {"file_id": "a", "file_name": "a.mp4"}}, "", ["a.mp4"]),
        ({"sticker": {"emoji": "👍"}}, "[Стикер 👍]", []),
        ({"location": {"latitude": 58.0, "longitude": 56.2}}, "[Место: 58.0, 56.2]", []),
        ({"contact": {"first_name": "Пётр", "phone_number": "+7342"}}, "[Контакт: Пётр  +7342]", []),
        ({"text": "см. ниже", "forward_origin": {"type": "user"}}, "[Переслано]\nсм. ниже", []),
        ({"poll": {"question": "?"}}, "[Опрос]", []),
    ],
)
def test_what_is_not_only_text_is_told_in_words_or_is_a_file(
    content: dict[str, Any], text: str, names: list[str]
) -> None:
    one = found(**content)
    assert one.text == text
    assert [file.name for file in one.files] == names


@pytest.mark.parametrize(
    "content",
    [
        {"chat": {"id": -100, "type": "supergroup"}, "text": "всем"},
        {"from": {"id": 6, "is_bot": True}, "text": "я тоже бот"},
        {"chat": {"id": "5", "type": "private"}, "text": "x"},
        {"chat": None, "text": "x"},
        {"message_id": 2**70, "text": "x"},
        {"new_chat_title": "x"},
        {"text": 5},
    ],
)
def test_groups_other_bots_and_nonsense_are_not_for_us(content: dict[str, Any]) -> None:
    assert read(message(**content)) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
_FIELDS = ["text", "caption", "photo", "document", "voice", "contact", "location", "sticker", "from", "chat", "date"]


@given(st.dictionaries(st.sampled_from([*_FIELDS, "message_id", "edit_date", "reply_to_message"]), _JSON))
def test_nothing_that_comes_raises(content: dict[str, Any]) -> None:
    read(message(**content))
    read({"update_id": 1, "edited_message": message(**content)["message"]})
    read({"update_id": 1, "message": content})


@given(st.text(alphabet="аб 👍\n", max_size=300), st.integers(min_value=2, max_value=50))
def test_a_long_text_leaves_in_pieces_without_losing_a_word(text: str, longest: int) -> None:
    pieces = parts(text, longest)
    assert all(0 < len(piece.encode("utf-16-le")) // 2 <= longest for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_text_is_split_where_a_person_would() -> None:
    assert parts("Первый абзац.\n\nВторой абзац, длиннее.", 30) == ["Первый абзац.", "Второй абзац, длиннее."]
