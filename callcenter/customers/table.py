"""The customers' directory in the register: replaced as a whole, or not at all (ESTP 2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select

from callcenter.core.contract import Contract
from callcenter.core.events import Customer
from callcenter.customers.directory import Contact, Version
from callcenter.store import Register
from callcenter.store.rows import clean
from callcenter.store.tables import CustomerNumber, DirectoryImport, LearnedContact, table_of

_SOURCE_LENGTH = 300
_VERSION = select(
    select(func.max(DirectoryImport.id)).scalar_subquery(),
    select(func.count(LearnedContact.id)).scalar_subquery(),
    select(func.max(LearnedContact.at)).scalar_subquery(),
)
_CONTRACT = (
    *(CustomerNumber.contract, CustomerNumber.login, CustomerNumber.level, CustomerNumber.plan),
    *(CustomerNumber.paid_from, CustomerNumber.paid_to, CustomerNumber.line),
)
"""In the order of `Contract`'s fields."""
_NO_CONTRACT = Contract()
_PIECE = 1000
"""Rows that are read at a time."""
_CONTACTS = table_of(LearnedContact)


class CustomersTable:
    """The directory's rows: (E.164 number or '', customer)."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def version(self) -> Version:
        """Return another version after each import, and whenever a contact is learned or erased."""
        imported, *learned = await self._register.read(lambda connection: tuple(connection.execute(_VERSION).one()))
        return Version(imported, tuple(learned))

    async def latest(self) -> DirectoryImport | None:
        """Return the latest import, to show it to people."""
        async with self._register.session() as session:
            return await session.scalar(select(DirectoryImport).order_by(DirectoryImport.id.desc()).limit(1))

    async def entries(self) -> Sequence[tuple[str, Customer]]:
        """Return all rows, in the order of the imported file."""
        query = select(CustomerNumber.number, CustomerNumber.name, CustomerNumber.role, CustomerNumber.inn, *_CONTRACT)
        entries: list[tuple[str, Customer]] = []
        async with self._register.session() as session:
            # In pieces: nothing else in this process waits for a hundred thousand rows.
            async for rows in (await session.stream(query.order_by(CustomerNumber.id))).partitions(_PIECE):
                entries += [
                    (number or "", Customer(name, role, inn, _contracts(of))) for number, name, role, inn, *of in rows
                ]
        return entries

    async def contacts(self) -> Sequence[Contact]:
        """Return what operators have learned, in the order of learning."""
        columns = (LearnedContact.number, LearnedContact.inn, LearnedContact.of_number, LearnedContact.person)
        async with self._register.session() as session:
            rows = (await session.execute(select(*columns).order_by(LearnedContact.id))).all()
        return [Contact(*row) for row in rows]

    async def learn(self, contact: Contact, who: str, at: datetime) -> None:
        """Keep a contact beside the imported directory; it replaces an earlier one of the same number."""
        known = {"inn": contact.inn, "of_number": contact.of_number, "person": clean(contact.person, 300)}
        row = known | {"at": at, "who": clean(who, 64)}
        insert = self._register.insert(_CONTACTS).values(row | {"number": contact.number})
        upsert = insert.on_conflict_do_update(index_elements=["number"], set_=row)
        await self._register.read(lambda connection: connection.execute(upsert))

    async def replace(
        self, entries: Iterable[tuple[str, Customer]], source: str, at: datetime, skipped: int = 0
    ) -> int:
        """Replace all present rows by these, in one transaction. Returns the import's number."""
        rows = [
            {"number": number or None, "inn": who.inn, "name": who.name, "role": who.role} | _contract_row(who)
            for number, who in entries
        ]
        record = DirectoryImport(
            imported_at=at, source=clean(source, _SOURCE_LENGTH), customers=len(rows), skipped=skipped
        )
        async with self._register.session() as session:
            await session.execute(delete(CustomerNumber))
            if rows:
                await session.execute(insert(CustomerNumber), rows)
            session.add(record)
        return record.id


def _contracts(fields: Iterable[Any]) -> tuple[Contract, ...]:
    one = Contract(*fields)
    return () if one == _NO_CONTRACT else (one,)


def _contract_row(who: Customer) -> dict[str, Any]:
    """Return the columns of the one contract that a row has."""
    values = astuple(next(iter(who.contracts), _NO_CONTRACT))
    return {column.key: value for column, value in zip(_CONTRACT, values, strict=True)}
