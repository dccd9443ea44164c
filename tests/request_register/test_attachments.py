"""Files of requests: whole and found again, or not there at all."""

# ruff: noqa: ASYNC240 - small local files, and nothing else runs meanwhile
from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callcenter.core.ids import LineId
from callcenter.request_register import attachments as module
from callcenter.request_register.attachments import MB, Allowed, Attachments
from callcenter.request_register.errors import AttachmentError, ChangedMeanwhile, UnknownRequest
from callcenter.request_register.register import RequestRegister
from callcenter.requests.request import Fact, RequestId
from callcenter.store import Register
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, new

PDF = b"%PDF-1.7\n" + b"x" * 10_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "attachments"


@pytest.fixture
def kept(database: Register, folder: Path) -> Attachments:
    allowed = Allowed(25 * MB, frozenset({"pdf", "png", "txt", "docx"}))
    return Attachments(database, folder, {LineId("estp"): allowed}, of_lines)


async def pieces(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), size):
        yield content[begin : begin + size]


def on_disk(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_file_is_kept_under_its_hash_and_read_again(
    requests: RequestRegister, kept: Attachments, folder: Path
) -> None:
    filed = await new(requests)
    id_ = filed.request.id
    name = "../../../etc/Договор \u202efdp.pdf"
    found = await kept.add(id_, filed.request.version, name, pieces(PDF, 7), "101", CALLED)
    assert (found.sha256, found.size) == (hashlib.sha256(PDF).hexdigest(), len(PDF))
    assert (found.name, found.media_type) == ("Договор fdp.pdf", "application/pdf")
    assert on_disk(folder) == [folder / "estp" / found.sha256[:2] / found.sha256]
    assert on_disk(folder)[0].stat().st_mode & 0o777 == 0o600
    again = await requests.filed(id_)
    assert again.attachments == (found,)
    assert (await requests.history(id_))[-1].fact is Fact.ATTACHED
    _, file = await kept.open(id_, found.sha256)
    with file:
        assert file.read() == PDF


async def test_the_same_content_is_there_once_and_stays_until_nobody_has_it(
    requests: RequestRegister, kept: Attachments, folder: Path
) -> None:
    one, two = await new(requests), await new(requests)
    for filed in (one, two):
        found = await kept.add(filed.request.id, filed.request.version, "a.pdf", pieces(PDF), "101", CALLED)
    assert len(on_disk(folder)) == 1
    await kept.delete([(LineId("estp"), found.sha256)])
    assert len(on_disk(folder)) == 1, "rows still have it"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.pdf", b"%PDF-" + b"x" * (25 * MB), "is larger than 25 MB"),
        ("a.exe", b"MZ", "is of a type that is not taken; allowed are: docx, pdf, png, txt"),
        ("a", PDF, "is of a type that is not taken"),
        ("a.pdf", b"MZ\x90\0" + b"x" * 9000, "is not what its name says: its content is no pdf"),
        ("a.pdf", b"MZ", "is not what its name says"),
        ("a.docx", PDF, "is not what its name says"),
        ("a.txt", b"text\0text", "is not what its name says"),
        ("a.pdf", b"", "is empty"),
    ],
)
async def test_what_is_not_taken_leaves_nothing(
    requests: RequestRegister, kept: Attachments, folder: Path, name: str, content: bytes, told: str
) -> None:
    filed = await new(requests)
    with pytest.raises(AttachmentError, match=told):
        await kept.add(filed.request.id, filed.request.version, name, pieces(content), "101", CALLED)
    assert on_disk(folder) == []
    assert await requests.filed(filed.request.id) == filed


@pytest.mark.clause("eLot 2.3")
async def test_twenty_five_megabytes_are_taken_and_one_byte_more_is_not(
    requests: RequestRegister, kept: Attachments
) -> None:
    filed = await new(requests)
    content = b"%PDF-" + b"x" * (25 * MB - 5)
    assert (
        await kept.add(filed.request.id, filed.request.version, "a.pdf", pieces(content), "101", CALLED)
    ).size == 25 * MB


async def test_a_disk_that_fills_up_in_the_middle_leaves_nothing(
    requests: RequestRegister, kept: Attachments, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = await new(requests)

    def full(_file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_flush", full)
    with pytest.raises(AttachmentError, match="a.pdf was not kept, the disk is full"):
        await kept.add(filed.request.id, filed.request.version, "a.pdf", pieces(PDF), "101", CALLED)
    assert on_disk(folder) == []
    assert await requests.filed(filed.request.id) == filed


async def test_a_sender_who_breaks_off_leaves_nothing(
    requests: RequestRegister, kept: Attachments, folder: Path
) -> None:
    filed = await new(requests)

    async def broken() -> AsyncIterator[bytes]:
        yield PDF
        raise ConnectionResetError("gone")

    with pytest.raises(AttachmentError):
        await kept.add(filed.request.id, filed.request.version, "a.pdf", broken(), "101", CALLED)
    assert on_disk(folder) == []


async def test_who_has_seen_an_older_version_adds_no_file(
    requests: RequestRegister, kept: Attachments, folder: Path
) -> None:
    filed = await new(requests)
    with pytest.raises(ChangedMeanwhile):
        await kept.add(filed.request.id, filed.request.version - 1, "a.pdf", pieces(PDF), "101", CALLED)
    with pytest.raises(UnknownRequest):
        await kept.add(RequestId("none"), 1, "a.pdf", pieces(PDF), "101", CALLED)
    assert on_disk(folder) == []


async def test_what_a_program_that_died_has_left_is_swept(
    requests: RequestRegister, kept: Attachments, folder: Path
) -> None:
    filed = await new(requests)
    found = await kept.add(filed.request.id, filed.request.version, "a.pdf", pieces(PDF), "101", CALLED)
    orphan, half = folder / "estp" / "aa" / ("a" * 64), folder / "estp" / ".1.part"
    orphan.parent.mkdir()
    for path in (orphan, half):
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    os.utime(kept.path(LineId("estp"), found.sha256), (0, 0))
    assert await kept.sweep(time.monotonic() + 100) == 2
    assert on_disk(folder) == [kept.path(LineId("estp"), found.sha256)]


async def test_a_link_in_the_place_of_a_file_is_not_followed(
    requests: RequestRegister, kept: Attachments, tmp_path: Path
) -> None:
    filed = await new(requests)
    found = await kept.add(filed.request.id, filed.request.version, "a.pdf", pieces(PDF), "101", CALLED)
    path = kept.path(LineId("estp"), found.sha256)
    path.unlink()
    path.symlink_to(tmp_path / "register.sqlite")
    with pytest.raises(AttachmentError, match="symbolic link"):
        await kept.open(filed.request.id, found.sha256)
    with pytest.raises(AttachmentError, match="no such file"):
        await kept.open(filed.request.id, "0" * 64)
