"""Titles, texts and names as people and programs write them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.knowledge import text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  Новый\n\tтариф ", "Новый тариф"),
        ("\u202eфират\u202c", "фират"),
        ("до\u00adго\u200bвор\u00a0№\u00a05", "договор № 5"),
        ("\x1b[31mкрасный\x00", "[31mкрасный"),
        ("\ud800", ""),
        ("и\u0306од", "йод"),
    ],
)
def test_a_title_is_one_line_that_says_what_it_shows(raw: str, clean: str) -> None:
    assert text.line(raw) == clean


def test_a_text_keeps_its_lines_and_loses_what_nobody_sees() -> None:
    assert text.note("\n\nа\r\n\tб\rв\x07\u202e\ufffe\n\n") == "а\n\tб\nв"
    assert text.note("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧", "a family stays together"


def test_thousands_of_accents_on_one_letter_cost_nothing() -> None:
    """Sorting as many as a request may bring took seconds, in which the daemon did nothing else."""
    raw = "и\u0306" + "\u0316\u0301" * 60_000 + "од"
    begin = time.perf_counter()
    note = text.note(raw)
    assert time.perf_counter() - begin < 1.0
    assert (note[0], note[-2:], len(note)) == ("й", "од", text.MOST_MARKS + 2)


@given(st.text(max_size=300))
def test_cleaning_once_is_enough(raw: str) -> None:
    assert text.line(text.line(raw)) == text.line(raw)
    assert text.note(text.note(raw)) == text.note(raw)


@given(st.text(max_size=300))
def test_every_title_makes_a_name_that_can_be_a_file(title: str) -> None:
    name = text.name_of(title)
    assert text.is_name(name), name
    assert "/" not in name
    assert "." not in name


@pytest.mark.parametrize("name", ["a", "как-подписать", "44-фз", "a_b", "a" * 64])
def test_names(name: str) -> None:
    assert text.is_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a.md", "-a", "_a", "Имя", "a b", "a\n", "a\x00", "a" * 65, "и\u0306"]
)
def test_what_is_no_name(name: str) -> None:
    assert not text.is_name(name)
