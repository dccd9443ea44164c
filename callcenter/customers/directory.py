"""The customers' directory in memory: finds a caller by number or by INN (ESTP 2.1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol, Self

import phonenumbers

from callcenter.core.contract import Contract, newest_first
from callcenter.core.events import Customer
from callcenter.knowledge.text import composed
from callcenter.requests.inn import valid_inn

log = logging.getLogger(__name__)

REGION = "RU"
"""The country of a number without a country code."""
_LONGEST_NUMBER = 100
_CONTEXT = "phone-context"
"""The parameter with the beginning of a local number (RFC 3966, 5.1.5)."""


def normalise(raw: str) -> str:
    """Convert a telephone number to E.164; '' for an anonymous, internal or impossible number. Never raises.

    `raw` may have SIP's parameters (`+73421234567;npdi`, `1234567;phone-context=+7342`), and 00 instead of +.
    """
    text, *parameters = raw[:_LONGEST_NUMBER].split(";")
    context = next((value for name, _, value in (one.partition("=") for one in parameters) if name == _CONTEXT), "")
    # Some carriers add the context to a number that is whole without it.
    local = context.startswith("+") and not text.startswith("+") and _possible(context + text)
    return local or _possible("+" + text[2:] if text.startswith("00") else text)


def _possible(text: str) -> str:
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return ""
    # A local number without an area code is "possible", but does not identify anybody.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


LONGEST_LOGIN = 254
"""Characters: as long as an e-mail address can be."""
_LOOK_ALIKE = str.maketrans("авекмнорстухё", "abekmhopctyxe")
"""Small Cyrillic letters → the Latin ones that look the same as capitals, or nearly so."""


def as_named(raw: str) -> str:
    """Return a login or a contract's number so that it is found however it is typed.

    «ТБС 12/А» is the same with Latin letters in between: nobody sees or hears the difference.
    """
    return "".join(composed(raw).casefold().translate(_LOOK_ALIKE).split())


@dataclass(frozen=True, slots=True)
class Contact:
    """A number that an operator has found out to be a customer's, and who is there.

    It points to the customer by INN, or by another number of a customer without one: name and role are always those of
    the imported directory. While that does not have the customer, the contact is nobody's.
    """

    number: str
    """E.164."""
    inn: str
    of_number: str
    person: str


@dataclass(frozen=True, slots=True)
class Found:
    """A customer found by hand. `number`: one that the directory has, if there is no INN to point to them."""

    customer: Customer
    number: str


class Version(NamedTuple):
    """Of the directory. Each part is another one when something of it has changed."""

    imported: object
    learned: object


class Source(Protocol):
    """Where the directory is stored. The implementation is `callcenter.customers.table.CustomersTable`."""

    async def version(self) -> Version:
        """Return the present version."""

    async def entries(self) -> Sequence[tuple[str, Customer]]:
        """Return all imported entries as (E.164 number or '', customer)."""

    async def contacts(self) -> Sequence[Contact]:
        """Return what operators have learned."""

    async def learn(self, contact: Contact, who: str, at: datetime) -> None:
        """Keep a contact; it replaces an earlier one of the same number. Raises `RegisterError`."""


@dataclass(frozen=True, slots=True)
class _Index:
    """The imported directory, by everything by which customers are found."""

    by_number: Mapping[str, Customer]
    by_inn: Mapping[str, Customer]
    by_contract: Mapping[str, Customer]
    """By login, and by the number of a contract, both as `as_named`."""
    by_digits: Mapping[str, Customer]
    """By the digits of a contract's number; without those that two customers' contracts have."""
    all: Sequence[tuple[str, Found]]
    """Everybody once, with the words by which they are found."""

    @classmethod
    def of(cls, entries: Sequence[tuple[str, Customer]]) -> Self:
        entries = with_all_contracts(entries)
        by_inn: dict[str, Customer] = {}
        for _, customer in entries:
            if customer.inn:
                by_inn.setdefault(customer.inn, customer)
        by_number = {number: customer for number, customer in entries if number}
        by_contract, by_digits = _named(customer for _, customer in entries)
        return cls(by_number, by_inn, by_contract, by_digits, tuple(_once(entries)))


class Directory:
    """The whole directory in memory, so that it answers at once whatever the database does."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._version = Version(object(), None)
        self._now = _Index.of(())
        self._learned: Mapping[str, tuple[Contact, Customer]] = {}
        """By number."""

    def __len__(self) -> int:
        """The number of telephone numbers it knows."""
        return len(self._now.by_number) + sum(1 for number in self._learned if number not in self._now.by_number)

    async def refresh(self) -> bool:
        """Load what has changed; call this every few seconds. Returns whether something was loaded.

        The directory itself is read only after another import. Never raises when the database fails: the previous
        directory stays in use.
        """
        try:
            version = await self._source.version()
            if version == self._version:
                return False
            entries = None if version.imported == self._version.imported else await self._source.entries()
            contacts = await self._source.contacts()
        except Exception as problem:  # any error of the source's library
            log.warning("the customers' directory can't be read, the old one stays: %s", problem)
            return False
        if entries is not None:
            # 100,000 rows take a second: callers are identified meanwhile, by the directory as it was.
            self._now = await asyncio.to_thread(_Index.of, entries)
        learned = {}
        for contact in contacts:
            whose = self._now.by_inn.get(contact.inn) if contact.inn else self._now.by_number.get(contact.of_number)
            # What is imported is the customers' own word, and counts more.
            if whose is not None and self._now.by_number.get(contact.number, whose) == whose:
                learned[contact.number] = contact, whose
        self._learned, self._version = learned, version
        return True

    async def learn_number(self, raw: str, inn: str, of_number: str, person: str, who: str, at: datetime) -> bool:
        """Keep what operator `who` has found out, and use it from now on. The customer is named as in `Contact`.

        Returns False for a number that identifies nobody. Raises `RegisterError`.
        """
        number = normalise(raw)
        if number:
            await self._source.learn(Contact(number, inn, normalise(of_number) if of_number else "", person), who, at)
            await self.refresh()
        return bool(number)

    def find(self, asked: str, limit: int) -> list[Found]:
        """Return customers by number, INN (its beginning is enough) or words of the name, as a person looks for them.

        A number or a whole INN comes first; the others are in the order of the imported file.
        """
        words = _as_searched(asked).split()
        if not words:
            return []
        number = normalise(asked)
        exact = [one for one in (self.by_number(asked), self._now.by_inn.get(words[0]), self.by_contract(asked)) if one]
        found = {customer: Found(customer, number) for customer in exact}
        for text, one in self._now.all:
            if len(found) >= limit:
                break
            if all(word in text for word in words):
                found.setdefault(one.customer, one)
        return list(found.values())[:limit]

    def person_at(self, raw: str) -> str:
        """Return who is at this number, in an operator's words; '': nobody knows, or it is another customer's now."""
        learned = self._learned.get(normalise(raw))
        return learned[0].person if learned else ""

    def by_number(self, raw: str) -> Customer | None:
        """Return the customer who has this number, in whatever form it is written."""
        number = normalise(raw)
        if not number:
            return None
        learned = self._learned.get(number)
        return learned[1] if learned else self._now.by_number.get(number)

    def by_inn(self, digits: str) -> Customer | None:
        """Return the customer who has this INN."""
        return self._now.by_inn.get(digits)

    def by_contract(self, named: str) -> Customer | None:
        """Return the customer who has this login, or a contract of this number; that one counts first.

        `named` may be the number as it is written, or its digits alone, as callers key them: then no other customer's
        contract has the same.
        """
        name = as_named(named[:LONGEST_LOGIN])
        return (self._now.by_contract.get(name) or self._now.by_digits.get(name)) if name else None

    def known(self, contract: str, inn: str, number: str) -> Customer | None:
        """Return the customer who is meant: by contract or login, else by INN, else by telephone number."""
        return self.by_contract(contract) or (self.by_inn(inn) if inn else None) or self.by_number(number)

    valid_inn = staticmethod(valid_inn)
    normalise = staticmethod(normalise)


def with_all_contracts(entries: Sequence[tuple[str, Customer]]) -> list[tuple[str, Customer]]:
    """Return the entries, each with all contracts of its INN; without one it has its own."""
    contracts: dict[str, dict[Contract, None]] = {}
    for _, one in entries:
        if one.inn and one.contracts:
            contracts.setdefault(one.inn, {}).update(dict.fromkeys(one.contracts))
    ordered = {inn: newest_first(all_) for inn, all_ in contracts.items()}
    return [
        (number, replace(one, contracts=ordered[one.inn]) if one.inn in ordered else one) for number, one in entries
    ]


def _whose(customer: Customer) -> tuple[str, str]:
    return customer.inn, "" if customer.inn else customer.name


def _named(customers: Iterable[Customer]) -> tuple[Mapping[str, Customer], Mapping[str, Customer]]:
    """Return the customers by login and contract, and by the digits of a contract; the named one counts first."""
    by_name: dict[str, Customer] = {}
    by_digits: dict[str, Customer | None] = {}
    for customer in dict.fromkeys(customers):
        for one in customer.contracts:
            this = replace(customer, contracts=(one, *(other for other in customer.contracts if other != one)))
            for name in filter(None, (as_named(one.login), as_named(one.number))):
                by_name.setdefault(name, this)
            digits = "".join(filter(str.isdecimal, one.number))
            if digits:
                before = by_digits.setdefault(digits, this)
                if before is None or _whose(before) != _whose(this):
                    by_digits[digits] = None
    return by_name, {digits: whose for digits, whose in by_digits.items() if whose is not None}


def _once(entries: Sequence[tuple[str, Customer]]) -> Iterator[tuple[str, Found]]:
    seen: set[Customer] = set()
    for number, customer in entries:
        if customer not in seen:
            seen.add(customer)
            yield f"{_as_searched(customer.name)} {customer.inn}", Found(customer, number)


def _as_searched(text: str) -> str:
    """Return the text so that it is found in whatever case it is typed, and however accents are written."""
    return composed(text).casefold().replace("ё", "е")
