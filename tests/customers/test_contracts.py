"""Contracts in the customers' directory: what is taken, what is refused, and who is found (TBS 1, 4.1)."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from callcenter.cli.main import main
from callcenter.config.configuration import VAR_OVERRIDE
from callcenter.core.contract import Contract
from callcenter.core.events import Customer
from callcenter.customers.csv_file import CustomersFile, Words, _date
from callcenter.customers.directory import Directory, as_named
from callcenter.customers.table import CustomersTable
from callcenter.store import Register

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
HEADINGS = "телефон;ИНН;наименование;роль;договор;логин;уровень;тариф;оплачено с;оплачено по;линия\n"
TBS = Path(__file__).parents[2] / "examples/tbs.yaml"


def read(*rows: str, words: Words = Words()) -> CustomersFile:  # noqa: B008 - it is frozen
    return CustomersFile.parse((HEADINGS + "\n".join(rows)).encode(), "x.csv", words)


async def directory_of(folder: Path, entries: list[tuple[str, Customer]]) -> tuple[Register, Directory]:
    register = await Register.open(folder / "register.sqlite")
    await CustomersTable(register).replace(entries, "x.csv", NOW)
    found = Directory(CustomersTable(register))
    await found.refresh()
    return register, found


@pytest.mark.clause("TBS 1, 4.1")
async def test_a_customer_is_found_by_login_contract_and_its_digits_with_all_contracts(tmp_path: Path) -> None:
    table = read(
        "+73420000011;5900000115;Больница;Пользователь;ТБС-12/А;i.ivanova@example.ru;;Базовый;01.01.2026;31.12.2026;tbs",
        ";5900000115;Больница;Пользователь;ТБС-13;;;Расширенный;2026-11-01;2026-11-30;",
        ";;Без ИНН;Пользователь;KZ 77;сауле;VIP;;;;",
    )
    assert table.mistakes == []
    register, found = await directory_of(tmp_path, table.entries)
    first = Contract("ТБС-12/А", "i.ivanova@example.ru", "", "Базовый", date(2026, 1, 1), date(2026, 12, 31), "tbs")
    second = Contract("ТБС-13", plan="Расширенный", paid_from=date(2026, 11, 1), paid_to=date(2026, 11, 30))
    for named in ("ТБС-12/А", "тБC-12/a", "I.Ivanova@Example.RU", "12"):
        known = found.by_contract(named)
        assert known is not None, named
        assert known.contracts == (first, second), "the named one counts first"
    known = found.by_inn("5900000115")
    assert known is not None
    assert known.contracts == (second, first), "else the one that began last"
    assert (kz := found.by_contract("77")) is not None
    assert (kz.name, found.by_contract("САУЛЕ")) == ("Без ИНН", kz)
    assert found.by_contract("") is None
    assert found.by_contract("99") is None
    await register.close()


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (";<b>ivan</b>;;;;;", "login '<b>ivan</b>'"),
        (";iv\u202ean;;;;;", "login "),
        (f";{'x' * 500};;;;;", "login 'xxxx"),
        (";a b;;;;;", "login 'a b'"),
        ("=1+1;;;;;;", "contract '=1+1'"),
        (f"{'1' * 65};;;;;;", "contract '1111"),
        ("1;;;;2026-12-02;2026-12-01;", "paid from 2026-12-02 to 2026-12-01; allowed: a period that ends"),
        ("1;;;;31.02.2026;;", "paid_from '31.02.2026'; allowed: a date such as"),
        ("1;;Gold;;;;", "level 'Gold'; allowed: VIP"),
        ("1;;;Gold;;;", "plan 'Gold'; allowed: Базовый, Расширенный"),
        ("1;;;;;;elsewhere", "line 'elsewhere'; allowed: tbs"),
    ],
)
@pytest.mark.clause("TBS 1, 4.1")
def test_what_is_no_contract_is_named_with_its_line(cells: str, told: str) -> None:
    words = Words(frozenset({"VIP"}), frozenset({"Базовый", "Расширенный"}), frozenset({"tbs"}))
    table = read(f"+73420000011;;Больница;Пользователь;{cells}", words=words)
    assert table.entries == []
    assert len(table.mistakes) == 1
    assert str(table.mistakes[0]).startswith(f"line 2: {told}")


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("12A;", "12А;", "contract '12А' is another customer's on line 2 (written '12A', which looks the same)"),
        (";Ivan", ";IVAN", "login 'IVAN' is another customer's on line 2 (written 'Ivan', which looks the same)"),
        (";ivan", ";ivan", "login 'ivan' is another customer's on line 2"),
    ],
)
def test_two_customers_have_neither_one_login_nor_one_contract(first: str, second: str, told: str) -> None:
    row = ";{};{};Пользователь;{};;;;;"
    table = read(row.format("5900000115", "Больница", first), row.format("5900000299", "Школа", second))
    assert [str(one) for one in table.mistakes] == [f"line 3: {told}; allowed: a {told.split()[0]} of one customer"]
    again = read(row.format("5900000115", "Больница", first), row.format("5900000115", "Больница", second))
    assert again.mistakes == [], "of one customer they are two periods"


async def test_digits_that_two_contracts_share_identify_nobody(tmp_path: Path) -> None:
    table = read(";5900000115;Больница;П;12-А;;;;;;", ";5900000299;Школа;П;12-Б;;;;;;")
    register, found = await directory_of(tmp_path, table.entries)
    assert (found.by_contract("12"), found.by_contract("12-б").name) == (None, "Школа")  # type: ignore[union-attr]
    await register.close()


@given(st.text())
def test_nothing_that_is_typed_is_too_strange(raw: str) -> None:
    assert as_named(as_named(raw)) == as_named(raw) or not raw.isascii()
    _date(raw)


async def test_thousands_of_contracts_are_taken_while_callers_identify_themselves(tmp_path: Path) -> None:
    rows = [f";;Клиент {n};Пользователь;К-{n};user{n}@example.ru;VIP;;2026-01-01;2026-12-31;" for n in range(20_000)]
    begin = time.perf_counter()
    table = await asyncio.to_thread(read, *rows)
    assert (len(table.entries), table.mistakes) == (20_000, [])
    first = [("", Customer("Клиент", "Пользователь", "", (Contract("К-77"),)))]
    register, found = await directory_of(tmp_path, first)
    await CustomersTable(register).replace(table.entries, "x.csv", NOW)
    refresh, asked = asyncio.create_task(found.refresh()), 0
    while not refresh.done():
        known = found.by_contract("77")
        assert known is not None
        asked += 1
        await asyncio.sleep(0.01)
    assert await refresh
    assert asked > 1
    assert (known := found.by_contract("user19999@example.ru")) is not None
    assert time.perf_counter() - begin < 60
    await register.close()


def test_an_export_is_taken_again_and_has_no_formulas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VAR_OVERRIDE, str(tmp_path / "var"))
    path, out = tmp_path / "new.csv", tmp_path / "out.csv"
    path.write_text(
        HEADINGS
        + "+73420000011;5900000115;=HYPERLINK(1);Пользователь;12/А;@ivan;;Расширенный;2026-01-01;2026-12-31;tbs\n"
        + ";5900000299;Школа;Пользователь;;;;;;;\n",
        encoding="utf-8",
    )

    def run(*arguments: str) -> str:
        told = CliRunner().invoke(main, ["customers", "--config", str(TBS), *arguments])
        assert told.exit_code == 0, told.output
        return told.output

    run("import", str(path))
    assert "contract 12/А, @ivan, Расширенный, tbs · paid: 2026-01-01 – 2026-12-31" in run("show", "@IVAN")
    run("export", str(out))
    text = out.read_text(encoding="utf-8-sig")
    assert "'=HYPERLINK" in text
    assert "'@ivan" in text
    assert CustomersFile.read(out).entries == CustomersFile.read(path).entries
