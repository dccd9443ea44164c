"""The words in which an operator tells until when an answer comes (ESTP 5.5.1)."""

from __future__ import annotations

import pytest

from callcenter.desk.request_words import words_to_say
from tests.requests.lines import MOSCOW, moscow


@pytest.mark.clause("ESTP 5.5.1")
@pytest.mark.parametrize(
    ("due", "ru", "en"),
    [
        (
            "2026-12-02 18:00",
            "Ответ будет дан до 18:00 2 декабря, среда.",
            "You will have the answer by 18:00 on Wednesday, 2 December.",
        ),
        (
            "2027-01-11 09:05",
            "Ответ будет дан до 09:05 11 января 2027 года, понедельник.",
            "You will have the answer by 09:05 on Monday, 11 January 2027.",
        ),
        (
            "2027-01-01 00:00",
            "Ответ будет дан до 24:00 31 декабря, четверг.",
            "You will have the answer by 24:00 on Thursday, 31 December.",
        ),
    ],
)
def test_a_date_is_told_with_its_weekday(due: str, ru: str, en: str) -> None:
    assert words_to_say(moscow(due), MOSCOW, moscow("2026-11-30 12:00")) == {"ru": ru, "en": en}
