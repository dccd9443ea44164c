"""Signatures among the files of requests: to which file one belongs, when it is looked at, and what is kept of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from callcenter.core.ids import LineId
from callcenter.request_register.attachments import Allowed, Attachments
from callcenter.request_register.deadline import write
from callcenter.request_register.erasure import RequestErasure
from callcenter.request_register.filed import Attachment, Filed
from callcenter.request_register.filing import ATTACHMENTS
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.signature_check import SignatureCheck
from callcenter.request_register.signatures import (
    LONGEST,
    Signature,
    found,
    is_signature,
    loaded,
    named_by,
    stored,
)
from callcenter.requests import actions as do
from callcenter.requests.request import Fact
from callcenter.store import Register
from callcenter.system.signature_process import Intact, Looked, SignatureProcess, Signer, Trust
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, MINUTE, act, new
from tests.system.signed import WRITTEN, Authority

AT = datetime(2026, 6, 1, 9, tzinfo=UTC)
EVA = Signer("Ева\u202e<b>", "ООО\n«Рога»", "5902290000", "1025900000001", AT, AT, AT + timedelta(days=365))


@dataclass
class Looks:
    """Says what it is told to say, and remembers what it was shown."""

    says: Looked = Looked(Intact.INTACT, Trust.TRUSTED, (EVA,), 0)
    shown: list[tuple[str, list[str]]] = field(default_factory=list)

    async def look(self, signature: Path, named: Path | None, beside: Sequence[Path], at: datetime) -> Looked:
        self.shown.append((named.read_text() if named else "", [one.read_text() for one in beside]))  # noqa: ASYNC240
        return self.says


@pytest.fixture
def attachments(database: Register, tmp_path: Path) -> Attachments:
    allowed = {LineId(line): Allowed(1_000_000, {"txt", "pdf", "sig", "p7s"}) for line in ("estp", "tbs")}
    return Attachments(database, tmp_path / "files", allowed, of_lines)


async def content(text: bytes) -> AsyncIterator[bytes]:
    yield text


async def add(attachments: Attachments, filed: Filed, name: str, text: bytes) -> None:
    await attachments.add(filed.request.id, None, name, content(text), "101", CALLED)


def checks(database: Register, attachments: Attachments, looks: Looks | SignatureProcess) -> SignatureCheck:
    return SignatureCheck(database, looks, attachments.path, of_lines, lambda: CALLED + MINUTE)


async def kept(requests: RequestRegister, filed: Filed, name: str) -> tuple[Attachment, Signature | None]:
    files = (await requests.filed(filed.request.id)).attachments
    one = next(one for one in files if one.name == name)
    return one, loaded(one.signature_told)


def test_which_file_a_signature_means_by_its_name() -> None:
    names = ["a.pdf", "Договор.PDF", "b.txt", "b.pdf"]
    assert named_by("a.pdf.sig", names) == 0
    assert named_by("договор.pdf.p7s", names) == 1, "in any case of letters"
    assert named_by("Договор.sig", names) == 1, "with or without the other ending"
    assert named_by("b.sig", names) is None, "two have that name: both are tried"
    assert named_by("c.pdf.sig", names) is None
    assert [is_signature(name) for name in ("a.SIG", "a.p7s", "sig", "a.sig.pdf", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_what_is_kept_is_clean_bounded_and_comes_back() -> None:
    signature = found(Looked(Intact.INTACT, Trust.TRUSTED, (EVA,), 0), "a\u202e.pdf", AT)
    assert (signature.signers[0].name, signature.signers[0].organisation) == ("Ева<b>", "ООО «Рога»")
    assert signature.of == "a.pdf"
    assert loaded(stored(signature)) == signature
    name = "\u2028" + "я" * 5000
    long = Signer(name, name, name, name, AT, AT, AT)
    many = stored(found(Looked(Intact.INTACT, signers=(long,) * 10), "x" * 9000, AT))
    assert len(many) <= LONGEST
    again = loaded(many)
    assert again is not None
    assert len(again.signers) > 1
    assert loaded("") is None


async def test_a_signature_is_tried_with_the_file_of_its_name_first(
    database: Register, requests: RequestRegister, attachments: Attachments
) -> None:
    filed = await new(requests)
    for name, text in (("a.pdf", b"%PDF-a"), ("b.pdf", b"%PDF-b"), ("b.pdf.sig", b"0signs"), ("c.sig", b"0other")):
        await add(attachments, filed, name, text)
    looks = Looks()
    version = (await requests.filed(filed.request.id)).request.version
    await checks(database, attachments, looks).check()
    assert looks.shown == [("%PDF-b", ["%PDF-b", "%PDF-a"]), ("", ["%PDF-b", "%PDF-a"])], "no signature signs another"
    file, signature = await kept(requests, filed, "b.pdf.sig")
    assert signature is not None
    assert (file.signature, signature.of, signature.trust) == ("intact", "b.pdf", Trust.TRUSTED)
    assert signature.checked_at == CALLED + MINUTE
    assert (await kept(requests, filed, "a.pdf"))[0].signature == ""
    told = [one for one in await requests.history(filed.request.id) if one.fact is Fact.SIGNATURE]
    assert [(one.what, one.why) for one in told] == [("intact", "b.pdf.sig: Ева<b>"), ("intact", "c.sig: Ева<b>")]
    now = (await requests.filed(filed.request.id)).request
    assert now.version == version, "who has the request open is not told that somebody has changed it"
    await checks(database, attachments, looks).check()
    assert len(looks.shown) == 2, "each once"


async def test_a_file_that_comes_later_has_its_signature_looked_at_again(
    database: Register, requests: RequestRegister, attachments: Attachments
) -> None:
    filed = await new(requests)
    await add(attachments, filed, "a.pdf.sig", b"0signs")
    looks = Looks(Looked(Intact.NO_FILE, Trust.UNKNOWN, (EVA,)))
    check = checks(database, attachments, looks)
    await check.check()
    assert (await kept(requests, filed, "a.pdf.sig"))[0].signature == "no_file"
    looks.says = Looked(Intact.INTACT, Trust.NO_LIST, (EVA,), 0)
    await add(attachments, filed, "a.pdf", b"%PDF-a")
    await check.check()
    file, signature = await kept(requests, filed, "a.pdf.sig")
    assert signature is not None
    assert (file.signature, signature.of) == ("intact", "a.pdf")
    await add(attachments, filed, "b.pdf", b"%PDF-b")
    await check.check()
    assert len(looks.shown) == 2, "what is intact stays as it was found when it came"


async def test_what_could_not_be_checked_here_is_looked_at_again_after_a_start(
    database: Register, requests: RequestRegister, attachments: Attachments
) -> None:
    filed = await new(requests)
    await add(attachments, filed, "a.pdf.sig", b"0signs")
    looks = Looks(Looked(Intact.CANNOT))
    check = checks(database, attachments, looks)
    await check.check()
    await check.check()
    assert len(looks.shown) == 1
    await check.begin()
    await check.check()
    assert len(looks.shown) == 2


async def test_what_the_virus_scanner_has_not_called_clean_is_looked_at_by_nobody(
    database: Register, requests: RequestRegister, attachments: Attachments, tmp_path: Path
) -> None:
    allowed = {LineId("estp"): Allowed(1_000_000, {"pdf", "sig"})}
    scanned = Attachments(database, tmp_path / "files", allowed, of_lines, checked=True)
    filed = await new(requests)
    for name, text in (("a.pdf", b"%PDF-a"), ("b.pdf", b"%PDF-b"), ("a.pdf.sig", b"0signs")):
        await add(scanned, filed, name, text)
    looks = Looks()
    check = checks(database, scanned, looks)

    async def scan(name: str, word: str) -> None:
        change = update(ATTACHMENTS).where(ATTACHMENTS.c.name == name).values(scan=word)
        await write(database, lambda connection: connection.execute(change).rowcount)

    await scan("a.pdf.sig", "clean")
    await scan("a.pdf", "clean")
    await check.check()
    assert looks.shown == [], "a file of the request still waits"
    await scan("b.pdf", "infected: Eicar")
    await check.check()
    assert looks.shown == [("%PDF-a", ["%PDF-a"])], "and what something was found in is not tried"


async def test_a_real_signature_from_file_to_words(
    database: Register, requests: RequestRegister, attachments: Attachments, tmp_path: Path
) -> None:
    by = Authority.new(tmp_path / "ca")
    by.person("anna")
    filed = await new(requests)
    await add(attachments, filed, "Договор.pdf", WRITTEN)
    await add(attachments, filed, "Договор.pdf.sig", by.sign("anna"))
    process = SignatureProcess(by.roots, by.revoked)
    await SignatureCheck(database, process, attachments.path, of_lines, lambda: by.now).check()
    _, signature = await kept(requests, filed, "Договор.pdf.sig")
    assert signature is not None
    assert (signature.intact, signature.trust, signature.of) == (Intact.INTACT, Trust.TRUSTED, "Договор.pdf")
    assert signature.names == "Иванова Анна Петровна"


async def test_who_signed_is_erased_with_the_request(
    database: Register, requests: RequestRegister, attachments: Attachments
) -> None:
    filed = await new(requests)
    await add(attachments, filed, "a.pdf.sig", b"0signs")
    await checks(database, attachments, Looks()).check()
    filed = await act(
        requests, await requests.filed(filed.request.id), do.Refuse("401", "хулиганство", "брань"), CALLED + 3 * MINUTE
    )
    erasure = RequestErasure(database, attachments, of_lines, lambda line: 31)
    assert await erasure.erase([filed.request.id], "asked for it", CALLED + 5 * MINUTE) == 1
    [file] = (await requests.filed(filed.request.id)).attachments
    assert (file.name, file.signature, file.signature_told) == ("", "", "")
    assert not [one.why for one in await requests.history(filed.request.id) if one.fact is Fact.SIGNATURE and one.why]
