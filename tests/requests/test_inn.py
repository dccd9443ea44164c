"""Where a text names an INN."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.requests.inn import inn_in, valid_inn


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ООО «Ромашка», ИНН 5902290635", "5902290635"),
        ("инн/кпп: 5902290635/590201001", "5902290635"),
        ("ИНН № 5902290635 и ещё раз ИНН: 5902290635.", "5902290635"),
        ("ИНН 5902290636", ""),  # wrong check digit
        ("тел. 5902290635", ""),
        ("ИНН 59022906351", ""),
        ("ИНН 5902290635, а также ИНН 5904000003", ""),
        ("МИНН 5902290635", ""),
        ("ИНН 0000000000", ""),
        ("", ""),
    ],
)
def test_it_is_what_stands_after_the_word_and_is_right(text: str, found: str) -> None:
    assert inn_in(text) == found


@given(st.text(alphabet="ИНН 0123456789:/-\n", max_size=200))
def test_whatever_is_found_is_valid_and_stands_there(text: str) -> None:
    found = inn_in(text)
    assert not found or (valid_inn(found) and found in text)
