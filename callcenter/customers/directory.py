"""The customers' directory in memory: finds a caller by number or by INN (ESTP 2.1)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import phonenumbers
from stdnum.ru import inn as russian_inn

from callcenter.core.events import Customer

log = logging.getLogger(__name__)

REGION = "RU"
"""The country of a number without a country code."""
_LONGEST_NUMBER = 100


def normalise(raw: str) -> str:
    """Convert a telephone number to E.164; '' for an anonymous, internal or impossible number. Never raises."""
    try:
        number = phonenumbers.parse(raw[:_LONGEST_NUMBER], REGION)
    except phonenumbers.NumberParseException:
        return ""
    # A local number without an area code is "possible", but does not identify anybody.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def valid_inn(digits: str) -> bool:
    """Return whether the INN has 10 or 12 digits and correct check digits. Region 00 does not exist."""
    if not (digits.isascii() and digits.isdigit() and len(digits) in (10, 12)):
        return False
    return bool(russian_inn.is_valid(digits)) and not digits.startswith("00")


class Source(Protocol):
    """Where the directory is stored. The implementation is `callcenter.customers.table.CustomersTable`."""

    async def version(self) -> int:
        """Return the version; it grows with every import."""

    async def entries(self) -> Sequence[tuple[str, Customer]]:
        """Return all entries as (E.164 number or '', customer)."""


class Directory:
    """The whole directory in memory, so that it answers at once whatever the database does."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._version = -1
        self._by_number: Mapping[str, Customer] = {}
        self._by_inn: Mapping[str, Customer] = {}

    def __len__(self) -> int:
        """The number of telephone numbers it knows."""
        return len(self._by_number)

    async def refresh(self) -> bool:
        """Load the directory if it was imported again; call this every few seconds. Returns whether it was loaded.

        Never raises when the database fails: the previous directory stays in use.
        """
        try:
            version = await self._source.version()
            if version == self._version:
                return False
            entries = await self._source.entries()
        except Exception as problem:  # any error of the source's library
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
        """Return the customer who has this number, in whatever form it is written."""
        number = normalise(raw)
        return self._by_number.get(number) if number else None

    def by_inn(self, digits: str) -> Customer | None:
        """Return the customer who has this INN."""
        return self._by_inn.get(digits)

    valid_inn = staticmethod(valid_inn)
    normalise = staticmethod(normalise)
