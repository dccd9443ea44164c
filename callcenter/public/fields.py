"""What people write into a form: cleaned and checked, with a sentence for each field that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from callcenter.knowledge.text import line as one_line
from callcenter.knowledge.text import note
from callcenter.requests.request import Way
from callcenter.web.language import N_

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
LONGEST: Mapping[str, int] = {
    "name": 200,
    "organisation": 300,
    "inn": 12,
    "email": 254,
    "telephone": 32,
    "login": 254,
    "text": 20_000,
}
"""Characters."""
TRAP = "website"
"""A field that people do not see, and programs fill in."""

MISSING = N_("Please fill this in.")
TOO_LONG = N_("That is too long: at most {most} characters.")
NO_EMAIL = N_("This is no e-mail address. It looks like ivanov@example.ru.")
NO_INN = N_("This is no INN: it has 10 or 12 digits, and the last ones do not fit the others. Please check it.")
NO_TELEPHONE = N_("This is no telephone number. It looks like +7 342 292-19-60.")
NOT_OFFERED = N_("Please choose one of the list.")
NO_CONSENT = N_("Without your consent we may not keep what you have written.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a line asks for."""

    subjects: Mapping[str, str]
    """Id -> title; without any, none is asked for."""
    ways: tuple[Way, ...]
    required: Collection[str] = ()
    """Beside name, e-mail and text."""
    valid_inn: Callable[[str], bool] = lambda inn: True
    normalise: Callable[[str], str] = lambda number: number
    """A telephone number in E.164; '' if it is none."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was filled in. `values` are clean, but may be wrong: `wrong` says for each field why."""

    values: Mapping[str, str]
    wrong: Mapping[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    """By field: a sentence, and what stands in its braces."""

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def way(self) -> Way:
        """How the answer is wished for."""
        return Way(self["way"])


def filled(given: Mapping[str, str], asked: Asked) -> Filled:
    """Clean and check what was written."""
    values = {name: one_line(given.get(name, "")[: 4 * most]) for name, most in LONGEST.items() if name != "text"}
    values["text"] = note(given.get("text", "")[: 4 * LONGEST["text"]]).strip()
    values["subject"] = given.get("subject", "") if asked.subjects else ""
    values["way"] = given.get("way", "") or asked.ways[0].value
    values["consent"] = "yes" if given.get("consent") == "yes" else ""
    values["inn"] = re.sub(r"\s", "", values["inn"])
    wrong: dict[str, tuple[str, Mapping[str, str]]] = {}
    for name in ("name", "email", "text", *asked.required):
        if not values[name]:
            wrong[name] = MISSING, {}
    for name, most in LONGEST.items():
        if len(values[name]) > most:
            wrong[name] = TOO_LONG, {"most": str(most)}
    if values["email"] and not _EMAIL.fullmatch(values["email"]):
        wrong["email"] = NO_EMAIL, {}
    if values["inn"] and not asked.valid_inn(values["inn"]):
        wrong["inn"] = NO_INN, {}
    if values["telephone"] and not asked.normalise(values["telephone"]):
        wrong["telephone"] = NO_TELEPHONE, {}
    if values["way"] not in asked.ways:
        wrong["way"] = NOT_OFFERED, {}
    elif values["way"] == Way.TELEPHONE and not values["telephone"]:
        wrong["telephone"] = MISSING, {}
    if asked.subjects and values["subject"] not in asked.subjects:
        wrong["subject"] = NOT_OFFERED, {}
    if not values["consent"]:
        wrong["consent"] = NO_CONSENT, {}
    return Filled(values, wrong)
