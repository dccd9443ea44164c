"""The customers' directory in memory: who calls, by number or by INN (ESTP 2.1)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import phonenumbers
from stdnum.ru import inn as russian_inn

from callcenter.core.events import Customer

log = logging.getLogger(__name__)

REGION = "RU"
"""Where a number without a country code is."""
_LONGEST_NUMBER = 100


def normalise(raw: str) -> str:
    """A telephone number as E.164, or '' for an anonymous, internal or impossible one. Never raises."""
    try:
        number = phonenumbers.parse(raw[:_LONGEST_NUMBER], REGION)
    except phonenumbers.NumberParseException:
        return ""
    # A local number without an area code is "possible", but names nobody.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def valid_inn(digits: str) -> bool:
    """Whether the INN has 10 or 12 digits and its check digits are right. Region 00 does not exist."""
    if not (digits.isascii() and digits.isdigit() and len(digits) in (10, 12)):
        return False
    return bool(russian_inn.is_valid(digits)) and not digits.startswith("00")


class Source(Protocol):
    """Where the directory is kept: `callcenter.customers.table.CustomersTable`."""

    async def version(self) -> int:
        """Grows with every import."""

    async def entries(self) -> Sequence[tuple[str, Customer]]:
        """(E.164 number or '', customer)."""


class Directory:
    """The whole directory in memory: answers at once, whatever the database does."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._version = -1
        self._by_number: Mapping[str, Customer] = {}
        self._by_inn: Mapping[str, Customer] = {}

    def __len__(self) -> int:
        """How many telephone numbers it knows."""
        return len(self._by_number)

    async def refresh(self) -> bool:
        """Load the directory if there was an import since; call it every few seconds. True: it was loaded.

        Never raises for a database in trouble: the directory of before goes on answering.
        """
        try:
            version = await self._source.version()
            if version == self._version:
                return False
            entries = await self._source.entries()
        except Exception as problem:  # whatever the source's library raises
            log.warning("the customers' directory can't be read, the old one stays: %s", problem)
            return False
        by_inn: dict[str, Customer] = {}
        for _, customer in entries:
            if customer.inn:
                by_inn.setdefault(customer.inn, customer)
        self._by_number = {number: customer for number, customer in entries if number}
        self._by_inn, self._version = by_inn, version
        return True

    def by_number(self, raw: str) -> Customer | None:
        """Whose number it is, however it is written."""
        number = normalise(raw)
        return self._by_number.get(number) if number else None

    def by_inn(self, digits: str) -> Customer | None:
        """Whose INN it is."""
        return self._by_inn.get(digits)

    valid_inn = staticmethod(valid_inn)
    normalise = staticmethod(normalise)
