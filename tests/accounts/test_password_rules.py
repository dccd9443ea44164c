"""What people may not choose as a password, and what they may."""

from __future__ import annotations

import pytest

from callcenter.accounts.password_rules import Broken, broken

OLD = "сосна над рекой"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("семь зн", Broken.TOO_SHORT),
        ("", Broken.TOO_SHORT),
        ("я" * 129, Broken.TOO_LONG),
        ("дождь\tнад Камой", Broken.CONTROL),
        ("дождь\u202eнад Камой", Broken.CONTROL),
        (OLD, Broken.SAME),
        ("11112222", Broken.TOO_SIMPLE),
        ("абабабабаб", Broken.TOO_SIMPLE),
        ("мой пароль 101", Broken.OWN_NAME),
        ("СОКОЛОВА 2026", Broken.OWN_NAME),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused_with_the_reason(text: str, rule: Broken) -> None:
    assert broken(text, OLD, "101", "Анна Соколова") is rule


@pytest.mark.parametrize("text", ["дождь над Камой", "восемь8!", "longer than most", "1 2 3 4 5 6"])
def test_words_in_a_row_are_enough(text: str) -> None:
    assert broken(text, OLD, "101", "Анна Соколова") is None
