"""The short text of an article, which operators paste into answers."""

from __future__ import annotations

import pytest

from callcenter.knowledge.markdown import short


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Подпись\n\nОбратитесь в **МФЦ**.\n\n- паспорт\n- СНИЛС", "Обратитесь в МФЦ.\nпаспорт\nСНИЛС"),
        ("## Только\n\n## заголовки", ""),
        ("По́дпись [здесь](podpis) <b>", "Подпись здесь <b>"),
        (f"{'а' * 400}\n\n{'б' * 300}", "а" * 400),
        (" ".join(["слово"] * 200), " ".join(["слово"] * 100) + " …"),
    ],
)
def test_it_is_the_beginning_without_markup_and_headings(text: str, expected: str) -> None:
    assert short(text) == expected
