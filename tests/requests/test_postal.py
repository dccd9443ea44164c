"""The post's numbers: one wrong digit is noticed."""

from __future__ import annotations

import pytest

from callcenter.requests.postal import postal_identifier

NUMBERS = ("61400023123457", "RA410342249RU", "RR123456785KZ")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_one_however_it_is_written(number: str) -> None:
    assert postal_identifier(number) == number
    assert postal_identifier(f" {number[:6].lower()} {number[6:9]}-{number[9:]} ") == number


@pytest.mark.parametrize("number", NUMBERS[:2])  # of S10, the check digit 5 stands for two remainders
def test_any_digit_that_is_another_one_is_noticed(number: str) -> None:
    for place, digit in enumerate(number):
        if digit.isdigit():
            wrong = number[:place] + str((int(digit) + 1) % 10) + number[place + 1 :]
            assert postal_identifier(wrong) is None, wrong


@pytest.mark.parametrize(
    "text", ["", "6140002312345", "614000231234570", "РА410342249RU", "RA41034224RU", "٦1400023123457", "<b>", "x" * 99]
)
def test_anything_else_is_none(text: str) -> None:
    assert postal_identifier(text) is None
