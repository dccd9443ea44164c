"""The words of the public pages: every one is translated, and none is left over."""

from __future__ import annotations

from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from callcenter.public import language


def test_everything_that_customers_read_is_translated_and_nothing_is_left_over() -> None:
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    extracted = extract_from_dir(Path(language.__file__).parent, methods, keywords={"_": None, "N_": None})
    with (language.LOCALES / "ru/LC_MESSAGES/callcenter.po").open("rb") as file:
        catalogue = read_po(file, locale="ru")
    assert {message.id for message in catalogue if message.id} == {message for _, _, message, _, _ in extracted}
    assert not [message.id for message in catalogue if message.id and not message.string]
