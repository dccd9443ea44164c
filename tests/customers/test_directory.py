"""Stories of the customers' directory: a table comes in, callers are known by number and by INN (ESTP 2.1)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from callcenter.cli.main import main
from callcenter.config import VAR_OVERRIDE
from callcenter.core.events import Customer
from callcenter.customers.csv_file import CustomersFile, CustomersFileError
from callcenter.customers.directory import Directory, normalise
from callcenter.customers.table import CustomersTable
from callcenter.requests.inn import valid_inn
from callcenter.store import Register
from tests.databases import Where, stored

SAMPLE = Path(__file__).parents[1] / "data" / "customers.csv"
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
HOSPITAL = Customer("ГБУЗ ПК «Кедровская районная больница»", "Заказчик", "5900000115")
SUPPLIER = Customer("ООО «Пример-Поставка»", "Поставщик", "5900000316")


@pytest.fixture
async def table(where: Where) -> AsyncIterator[CustomersTable]:
    """The directory's rows in a real database."""
    register = await Register.open(where, busy_timeout=0.05)
    yield CustomersTable(register)
    await register.close()


# -- numbers and INNs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    ["+73420000011", "73420000011", "83420000011", "3420000011", "8 (342) 000-00-11", "+7 342 000-00-11 доб. 5"],
)
def test_a_number_is_the_same_however_the_trunk_writes_it(raw: str) -> None:
    assert normalise(raw) == "+73420000011"


@pytest.mark.parametrize(
    "raw",
    [
        "+73420000011;npdi",
        "+73420000011;npdi;rn=+73429990000",
        "3420000011;phone-context=+7",
        "73420000011;phone-context=+7",
        "83420000011;phone-context=+7;isub=1",
        "0000011;phone-context=+7342",
        "3420000011;phone-context=carrier.example.ru",
        "+73420000011;phone-context=+49",
        "0073420000011",
    ],
)
def test_the_parameters_that_carriers_add_do_not_change_it(raw: str) -> None:
    assert normalise(raw) == "+73420000011"


@pytest.mark.parametrize("raw", ["+49 30 123456", "004930123456", "81049 30 123456", "30123456;phone-context=+49"])
def test_a_number_of_another_country(raw: str) -> None:
    assert normalise(raw) == "+4930123456"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "anonymous",
        "101",
        "2921960",
        "+7342",
        "9" * 4096,
        "\ud83d",
        "\0",
        "+7342\r\n0000011",
        "sip:x@y",
        ";npdi",
        "00",
        "0000011;phone-context=",
    ],
)
def test_what_is_no_number_is_nobodys(raw: str) -> None:
    assert normalise(raw) == ""


@given(st.text())
def test_no_caller_id_is_too_strange(raw: str) -> None:
    number = normalise(raw)
    assert number == "" or number.startswith("+")
    assert valid_inn(raw) in (True, False)


@pytest.mark.parametrize(
    ("digits", "valid"),
    [
        ("5900000115", True),
        ("590000003443", True),
        ("5900000116", False),
        ("590000003444", False),
        ("590000011", False),
        ("0000000000", False),
        ("000000000000", False),
        ("", False),
        ("59000001l5", False),
        ("５９０００００１１５", False),
    ],
)
def test_check_digits_of_an_inn(digits: str, valid: bool) -> None:
    assert valid_inn(digits) is valid
    assert Directory.valid_inn(digits) is valid


# -- the directory in memory ---------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.1")
async def test_a_new_directory_is_taken_over_while_calls_go_on(table: CustomersTable) -> None:
    directory = Directory(table)
    assert await directory.refresh()
    assert directory.by_number("83420000011") is None

    read = CustomersFile.read(SAMPLE)
    assert read.mistakes == []
    await table.replace(read.entries, SAMPLE.name, NOW)
    assert directory.by_number("83420000011") is None, "nobody has asked the database yet"
    assert await directory.refresh()
    assert not await directory.refresh(), "nothing has changed since"

    assert directory.by_number("8 (342) 000-00-11") == HOSPITAL
    assert directory.by_inn("5900000115") == HOSPITAL
    assert directory.by_number("73420000031") == SUPPLIER
    assert directory.by_number("73420000003") == directory.by_number("73420000103") is not None
    assert directory.by_inn("5900000299") == Customer("МУП «Кедровский водоканал»", "Заказчик", "5900000299")
    assert directory.by_number("anonymous") is None
    assert len(directory) == 36

    await table.replace([("+73420000031", SUPPLIER)], "shorter.csv", NOW)
    assert await directory.refresh()
    assert directory.by_number("83420000011") is None
    assert directory.by_inn("5900000115") is None
    assert directory.by_number("73420000031") == SUPPLIER


async def test_a_database_in_trouble_leaves_the_old_directory(
    table: CustomersTable, where: Where, caplog: pytest.LogCaptureFixture
) -> None:
    directory = Directory(table)
    await table.replace([("+73420000011", HOSPITAL)], "x.csv", NOW)
    assert await directory.refresh()
    stored(where, "DROP TABLE directory_imports")
    assert not await directory.refresh()
    assert directory.by_number("+73420000011") == HOSPITAL
    assert "the old one stays" in caplog.text


async def test_an_import_that_fails_half_way_changes_nothing(table: CustomersTable) -> None:
    await table.replace([("+73420000011", HOSPITAL)], "x.csv", NOW)
    from callcenter.store import RegisterError

    with pytest.raises(RegisterError):
        await table.replace([("+73420000012", HOSPITAL), ("+73420000012", SUPPLIER)], "y.csv", NOW)
    assert await table.entries() == [("+73420000011", HOSPITAL)]
    assert (await table.version()).imported == 1


class Counted(CustomersTable):
    """Counts how often the whole directory is read."""

    read = 0

    async def entries(self) -> Sequence[tuple[str, Customer]]:
        self.read += 1
        return await super().entries()


@pytest.mark.clause("ESTP 2.1")
async def test_a_number_that_an_operator_learns_does_not_reread_the_whole_directory(tmp_path: Path) -> None:
    register = await Register.open(tmp_path / "register.sqlite")
    table = Counted(register)
    await table.replace([("+73420000011", HOSPITAL), ("+73420000031", SUPPLIER)], "x.csv", NOW)
    directory = Directory(table)
    assert await directory.refresh()
    assert await directory.learn_number("8 342 000 09 99", HOSPITAL.inn, "", "Иванова, закупки", "anna", NOW)
    assert directory.by_number("+73420000999") == HOSPITAL
    assert directory.person_at("83420000999") == "Иванова, закупки"
    assert (len(directory), table.read) == (3, 1)

    other = Directory(table)
    await other.refresh()
    await table.replace([("+73420000031", SUPPLIER)], "y.csv", NOW)
    assert await directory.refresh()
    assert directory.by_number("+73420000999") is None, "nobody's, while the directory lacks the customer"
    assert (len(directory), table.read) == (1, 3)
    await register.close()


# -- looking for somebody --------------------------------------------------------------------------------------------


async def test_a_name_is_found_however_its_accents_are_written(table: CustomersTable) -> None:
    """Some programs export «й» and «ё» as a letter and an accent."""
    school = Customer("Районны\u0438\u0306 детскии\u0306 сад «Е\u0308лочка»", "Заказчик", "5900000115")
    await table.replace([("", school)], "x.csv", NOW)
    directory = Directory(table)
    await directory.refresh()
    for asked in ("районный", "РАЙОННЫИ\u0306", "ёлочка", "елочка", "Е\u0308лочка"):
        assert [one.customer for one in directory.find(asked, 5)] == [school], asked


async def test_thousands_of_accents_on_one_letter_cost_nothing(table: CustomersTable) -> None:
    """They are sorted, which took seconds, and in that time the daemon did nothing else for this operator."""
    directory = Directory(table)
    begin = time.perf_counter()
    assert directory.find("и" + "\u0316\u0301" * 50_000, 5) == []
    assert time.perf_counter() - begin < 1.0


# -- the file --------------------------------------------------------------------------------------------------------


def test_the_same_table_in_russian_from_an_old_excel(tmp_path: Path) -> None:
    path = tmp_path / "заказчики.csv"
    text = 'Наименование,РОЛЬ,ИНН,Телефон\r\n"Больница, районная",ЗАКАЗЧИК,5900000115,"83420000011; 83420000012"\r\n'
    path.write_bytes(text.encode("cp1251"))
    customer = Customer("Больница, районная", "Заказчик", "5900000115")
    assert CustomersFile.read(path).entries == [("+73420000011", customer), ("+73420000012", customer)]


def test_all_mistakes_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(
        "number;inn;name;role\n"
        "+7 342 000-00-01;5900000010;Хорошая;заказчик\n"
        "2921960;5900000027;Короткий номер;Заказчик\n"
        "\n"
        "+7 342 000-00-03;5900000011;Неверный ИНН;Заказчик\n"
        ";;Никто;Заказчик\n"
        "+7 342 000-00-05;5900000059;;\n"
        "8 342 000 00 01;5900000066;Чужой номер;Заказчик\n"
        "+7 342 000-00-07;5900000010;Другая роль;Поставщик\n",
        encoding="utf-8-sig",
    )
    read = CustomersFile.read(path)
    assert [str(mistake) for mistake in read.mistakes] == [
        "line 3: number '2921960'; allowed: a number with its area code, such as +7 342 000-00-01",
        "line 5: INN '5900000011'; allowed: 10 or 12 digits with the right check digits",
        "line 6: neither a number nor an INN nor a contract; allowed: at least one of them",
        "line 7: a name of 0 characters; allowed: 1 to 300 characters",
        "line 7: a role of 0 characters; allowed: 1 to 100 characters",
        "line 8: number +73420000001 stands on line 2 already; allowed: each number once",
        "line 9: INN 5900000010 has the role 'Поставщик', but 'Заказчик' on line 2; allowed: one role of an INN",
    ]
    assert read.bad_rows == 6
    assert read.entries == [("+73420000001", Customer("Хорошая", "Заказчик", "5900000010"))]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "missing: number or"),
        (b"phone;company\n1;2\n", "found the headings 'phone', 'company'; missing"),
        (b"number;inn;name;role\n", "no customers"),
        (b"\xff\xfen\0u\0", "neither UTF-8 nor"),
        (b"number;inn;name;role\n\x98\xff", "neither UTF-8 nor"),
        (b'number;inn;name;role\n"1"2;3;4;5\n', "line 2: not a CSV"),
        (b'number;inn;name;role\n1;2;"never closed;5\n', "not a CSV"),
        (b"number;inn;name;role\n1;2;" + b"x" * 200_000 + b";5\n", "not a CSV"),
    ],
)
def test_a_file_that_is_no_table_of_customers(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(CustomersFileError, match=told):
        CustomersFile.read(path)


# -- at a terminal -----------------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration as it is shipped, with everything made at run time in a folder of its own."""
    monkeypatch.setenv(VAR_OVERRIDE, str(tmp_path / "var"))
    return Path(__file__).parents[2] / "config.yaml"


def run(config: Path, *arguments: str) -> Result:
    """`callcenter customers --config … …`."""
    return CliRunner().invoke(main, ["customers", "--config", str(config), *arguments])


def test_importing_and_looking_up(config: Path) -> None:
    result = run(config, "import", str(SAMPLE))
    assert result.exit_code == 0, result.output
    assert "36 customers with 36 numbers imported, 0 rows left out" in result.output
    assert "Кедровская районная больница» · Заказчик · INN 5900000115" in run(config, "show", "83420000011").output
    assert "Пример-Поставка" in run(config, "show", "5900000316").output
    assert "37 rows from customers.csv" in run(config, "show").output
    stranger = run(config, "show", "+7 342 000-09-99")
    assert stranger.exit_code == 1
    assert "not in the directory" in stranger.output


def test_one_wrong_row_and_the_old_directory_stays_unless_bad_rows_are_skipped(config: Path, tmp_path: Path) -> None:
    assert run(config, "import", str(SAMPLE)).exit_code == 0
    path = tmp_path / "new.csv"
    path.write_text("number;inn;name;role\n83420000501;;Новая;Заказчик\n101;;Внутренний;Заказчик\n", encoding="utf-8")
    refused = run(config, "import", str(path))
    assert refused.exit_code == 1
    assert "line 3: number '101'" in refused.output
    assert "nothing was imported" in refused.output
    assert "больница" in run(config, "show", "83420000011").output

    taken = run(config, "import", "--skip-bad", str(path))
    assert taken.exit_code == 0, taken.output
    assert "1 customers with 1 numbers imported, 1 rows left out" in taken.output
    assert "Новая" in run(config, "show", "83420000501").output
    assert run(config, "show", "83420000011").exit_code == 1


def test_a_file_that_is_not_there(config: Path) -> None:
    result = run(config, "import", "nowhere.csv")
    assert result.exit_code == 1
    assert "nowhere.csv can't be read" in result.output


def test_an_empty_directory_says_so(config: Path) -> None:
    assert "the directory is empty" in run(config, "show").output


def test_a_register_that_is_none(config: Path, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "register.sqlite").write_text("not a database at all")
    result = run(config, "import", str(SAMPLE))
    assert result.exit_code == 1
    assert "is not a database" in result.output


def test_the_sample_has_what_the_demonstration_needs() -> None:
    entries = CustomersFile.read(SAMPLE).entries
    roles = {customer.role for _, customer in entries}
    assert {"Заказчик", "Поставщик"} <= roles
    assert all(number == "" or number.startswith("+7342000") for number, _ in entries), "invented numbers only"
