"""How a line's values are said in its prompts, where that does not follow from the values."""

from __future__ import annotations

from typing import Literal

from callcenter.config.section import Section
from callcenter.config.values import EnglishText, SpokenText


class Spoken(Section):
    """One text for each value that a text of the catalogue can name (docs/prompts.md); None: as the setting says.

    Only what a Russian voice can say; figures are said in words.
    """

    name: SpokenText | None = None
    """After «Это …»: the line's title, which may have Latin letters."""
    hours: SpokenText | None = None
    """After «Мы работаем …»."""
    zone: SpokenText | None = None
    """By whose clock: «по времени Астаны». Moscow's and Astana's are known."""
    periods: SpokenText | None = None
    """When there are other hours: «в дни торгов»; otherwise «в отдельные дни»."""
    email: SpokenText | None = None
    site: SpokenText | None = None
    number: SpokenText | None = None
    general: SpokenText | None = None
    """The number of the general line."""
    subjects: SpokenText | None = None
    """What the line helps with; otherwise the titles of the subjects."""
    customers: SpokenText | None = None
    """Whom the line is for, in the genitive: «заказчиков Пермского края»."""
    at_hand: SpokenText | None = None
    """What callers should have at hand."""


class SpokenEnglish(Section):
    """The same in English, for callers who have chosen it. Only what an English voice can say.

    Titles and names are Russian: what is to be said of them stands here, or callers hear the neutral text.
    """

    name: EnglishText | None = None
    """After «This is …»: «the support line of the ESTP trading platform»."""
    hours: EnglishText | None = None
    """After «We work …»."""
    zone: EnglishText | None = None
    """By whose clock: «Astana time». The zones of Russia and Astana's are known."""
    periods: EnglishText | None = None
    """When there are other hours: «on auction days»; otherwise «on certain days»."""
    email: EnglishText | None = None
    site: EnglishText | None = None
    number: EnglishText | None = None
    general: EnglishText | None = None
    """The number of the general line."""
    subjects: EnglishText | None = None
    """What the line helps with."""
    customers: EnglishText | None = None
    """Whom the line is for: «Customers of Perm Krai»."""
    at_hand: EnglishText | None = None
    """What callers should have at hand."""


class SecondLanguage(Section):
    """A language that callers may choose by a key, after the greeting; it holds for the whole call.

    It is offered when all of its prompts are spoken (`callcenter prompts build`), and until then it is not.
    """

    language: Literal["en"] = "en"
    key: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] = "9"
    spoken: SpokenEnglish = SpokenEnglish()
