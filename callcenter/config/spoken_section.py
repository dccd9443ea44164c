"""How a line's values are said in its prompts, where that does not follow from the values."""

from __future__ import annotations

from callcenter.config.section import Section
from callcenter.config.values import SpokenText


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
