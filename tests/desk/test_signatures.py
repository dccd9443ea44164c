"""What the desk shows of a signature: three words, never one, and names that are only text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from callcenter.request_register.signature_check import SignatureCheck
from callcenter.system.signature_process import Intact, Looked, Signer, Trust
from tests.desk.request_desk import HEAD, Desk, of_lines, request_desk

AT = datetime(2026, 6, 1, 9, tzinfo=UTC)
MARKUP = Signer(
    '<script>alert("1")</script>', "ООО <b>Ромашка</b>", "5902290000", "1025900000001", AT, AT, AT + timedelta(365)
)


@dataclass
class Looks:
    says: Looked

    async def look(self, signature: Path, named: Path | None, beside: Sequence[Path], at: datetime) -> Looked:
        return self.says


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path) as made:
        yield made


async def signed(desk: Desk, says: Looked | None) -> Any:
    """A request with a contract and its signature, at which somebody has looked or not."""
    filed = await desk.assigned()
    for name, content in (("Договор.pdf", b"%PDF-1.7 x"), ("Договор.pdf.sig", b"\x30\x82\x00\x01")):
        answer = await desk.browsers[HEAD].post(
            f"/api/requests/{filed['id']}/files?name={quote(name)}",
            data=content,
            headers={"Content-Type": "application/octet-stream"},
        )
        assert answer.status == 201, await answer.text()
    if says is not None:
        path = desk.attachments.path
        await SignatureCheck(desk.line.register, Looks(says), path, of_lines, lambda: desk.now).check()
    return filed


async def test_three_words_and_who_signed(desk: Desk) -> None:
    filed = await signed(desk, Looked(Intact.INTACT, Trust.NO_LIST, (MARKUP,), 0))
    page = await desk.page(HEAD, f"requests/{filed['id']}")
    for words in (
        "прочитана",
        "не изменён: подписан ключом этого сертификата: <bdi>Договор.pdf</bdi>",
        "неизвестно: нет действующего списка отозванных сертификатов",
        "ИНН 5902290000",
        "ОГРН 1025900000001",
        "подпись проверена",
    ):
        assert words in page, words
    assert "<script>alert" not in page
    assert "<b>Ромашка" not in page
    assert "&lt;script&gt;alert" in page
    english = await desk.page(HEAD, f"requests/{filed['id']}", language="en")
    assert "unknown: there is no list of revoked certificates in force" in english
    files = (await desk.get(HEAD, f"requests/{filed['id']}"))["attachments"]
    assert files[0]["signature"] is None
    told = files[1]["signature"]
    assert (told["read"], told["intact"], told["trust"], told["of"]) == (True, "intact", "no_list", "Договор.pdf")
    assert told["signers"][0]["inn"] == "5902290000"
    assert told["checked_at"]


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (None, "ещё не проверена"),
        (Looked(Intact.UNREAD), "Это не подпись, или её нельзя прочитать."),
        (Looked(Intact.BROKEN, signers=(MARKUP,), fits=0), "изменён: подписан не этот файл"),
        (Looked(Intact.CANNOT, signers=(MARKUP,)), "здесь проверить нельзя"),
        (Looked(Intact.INTACT, Trust.REVOKED, (MARKUP,), 0), "не доверенный: отозван"),
        (Looked(Intact.INTACT, Trust.NO_ROOT, (MARKUP,), None, inside=True), "это ни один из файлов рядом"),
    ],
)
async def test_nothing_is_called_good_that_is_not(desk: Desk, says: Looked | None, words: str) -> None:
    filed = await signed(desk, says)
    page = await desk.page(HEAD, f"requests/{filed['id']}")
    assert words in page
    assert "доверенный, не отозван" not in page
    files = (await desk.get(HEAD, f"requests/{filed['id']}"))["attachments"]
    assert files[1]["signature"]["intact"] == (says.intact.value if says else "unchecked")
