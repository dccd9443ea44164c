"""Files of requests at the desk: as a stream, of names and contents that nobody trusts, and a disk that is full."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import FormData

from callcenter.request_register import attachments
from tests.desk.request_desk import ANNA, BORIS, HEAD, LEBEDEV, SUPERVISOR, Desk, request_desk

PDF = b"%PDF-1.7\n" + b"x" * 1000
HOSTILE = '../../etc/\u202egpj.<img src=x onerror=alert(1)>"\r\nX-Evil: 1;.pdf'
LIMIT = 25_000_000


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with request_desk(tmp_path) as made:
        yield made


async def add(desk: Desk, who: str, filed: Any, name: str, content: Any, status: int = 201, **more: str) -> Any:
    """Send a file to the API; the answer."""
    asked = "".join(f"&{key}={value}" for key, value in more.items())
    answer = await desk.browsers[who].post(
        f"/api/requests/{filed['id']}/files?name={quote(name)}{asked}",
        data=content,
        headers={"Content-Type": "application/octet-stream", "Accept-Language": "ru"},
    )
    told = await answer.json()
    assert answer.status == status, told
    return told


def on_disk(desk: Desk) -> list[Path]:
    return [path for path in desk.folder.joinpath("attachments").rglob("*") if path.is_file()]


async def test_a_form_and_a_request_get_files_and_who_may_not_gets_none(desk: Desk) -> None:
    form = await desk.form()
    told = await add(desk, ANNA, form, "скриншот.pdf", PDF)
    assert (told["file"]["name"], told["file"]["size"], told["file"]["media_type"]) == (
        "скриншот.pdf",
        len(PDF),
        "application/pdf",
    )
    filed = await desk.post(ANNA, f"requests/{form['id']}/submit", version=told["version"])
    await add(desk, ANNA, filed, "b.pdf", PDF, 403)  # it is the head's now
    await add(desk, BORIS, filed, "b.pdf", PDF, 403)
    filed = await desk.act(HEAD, filed, "assign", kind="person", id=LEBEDEV)
    await add(desk, LEBEDEV, filed, "b.pdf", PDF + b"2")
    names = [one["name"] for one in (await desk.get(HEAD, f"requests/{filed['id']}"))["attachments"]]
    assert names == ["скриншот.pdf", "b.pdf"]
    address = f"/api/requests/{filed['id']}/files/{told['file']['sha256']}"
    for who, status in ((HEAD, 200), (SUPERVISOR, 200), (LEBEDEV, 200), (ANNA, 200), (BORIS, 403)):
        assert (await desk.browsers[who].get(address)).status == status, who
    log = await desk.audited()
    assert (ANNA, "request file added", f"{form['id']} {told['file']['sha256'][:16]}") in desk.accounts.entries
    assert (SUPERVISOR, "request file taken", f"{filed['number']} {told['file']['sha256'][:16]}") in log
    assert not any(who == BORIS for who, what, _ in log if what == "request file taken")


async def test_a_hostile_name_is_a_name_and_never_a_path_a_header_or_markup(desk: Desk) -> None:
    filed = await desk.in_work()
    told = await add(desk, LEBEDEV, filed, HOSTILE, PDF)
    name = told["file"]["name"]
    assert not {"/", "\\", "\u202e", "\r", "\n"} & set(name)
    assert [path.name for path in on_disk(desk)] == [told["file"]["sha256"]]
    page = await desk.page(HEAD, f"/requests/{filed['id']}")
    assert "<img src=x" not in page
    answer = await desk.browsers[HEAD].get(f"/requests/{filed['id']}/files/{told['file']['sha256']}")
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert "X-Evil" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    assert answer.content_type == "application/octet-stream"
    assert await answer.read() == PDF


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        (
            "a.pdf",
            b"MZ\x90",
            400,
            "Содержимое файла a.pdf не соответствует его имени: это не pdf; ничего не изменилось.",
        ),
        ("a.exe", b"MZ\x90", 400, "Файлы такого типа, как a.exe, не принимаются; допускаются: pdf, sig, txt."),
        ("pdf", PDF, 400, "не принимаются"),
        ("a.pdf.exe", PDF, 400, "не принимаются"),
        ("a.pdf", b"", 400, "Файл a.pdf пуст"),
        (" ", PDF, 400, "name"),
        ("a" * 2000 + ".pdf", PDF, 400, "name"),
    ],
)
async def test_what_is_not_taken_is_told_in_words(
    desk: Desk, name: str, content: bytes, status: int, words: str
) -> None:
    filed = await desk.in_work()
    assert words in (await add(desk, LEBEDEV, filed, name, content, status))["message"]
    assert on_disk(desk) == []
    assert (await desk.get(HEAD, f"requests/{filed['id']}"))["version"] == filed["version"]


async def stream(of: int) -> AsyncIterator[bytes]:
    """So many bytes of text, without a length in front."""
    for begin in range(0, of, 250_000):
        yield b"a" * min(250_000, of - begin)


async def test_25_mb_are_taken_and_a_byte_more_is_refused_while_it_comes_in(desk: Desk) -> None:
    filed = await desk.in_work()
    told = await add(desk, LEBEDEV, filed, "log.txt", stream(LIMIT))
    assert told["file"]["size"] == LIMIT
    more = await add(desk, LEBEDEV, filed, "more.txt", stream(LIMIT + 1), 413)
    assert more["answer"] == "too_large"
    assert "Файл more.txt больше 25 МБ" in more["message"]
    assert len(on_disk(desk)) == 1


async def test_a_disk_that_is_full_in_the_middle_is_told_and_nothing_is_half_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = await desk.in_work()
    created = attachments._created

    def full(path: Path) -> Any:
        file = created(path)

        class Full:
            def __enter__(self) -> Full:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, piece: bytes) -> int:
                if file.tell() > 500_000:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return file.write(piece)

        return Full()

    monkeypatch.setattr(attachments, "_created", full)
    told = await add(desk, LEBEDEV, filed, "log.txt", stream(2_000_000), 507)
    assert told["message"] == "Файл log.txt не сохранён: на диске нет места; ничего не изменилось."
    monkeypatch.undo()
    assert on_disk(desk) == []
    now = await desk.get(HEAD, f"requests/{filed['id']}")
    assert (now["version"], now["attachments"]) == (filed["version"], [])
    await add(desk, LEBEDEV, filed, "log.txt", stream(2_000_000))


async def test_a_file_that_is_sent_again_is_kept_once_and_ended_requests_take_none(desk: Desk) -> None:
    filed = await desk.in_work()
    first = await add(desk, LEBEDEV, filed, "a.pdf", PDF)
    again = await add(desk, LEBEDEV, filed, "a.pdf", PDF)
    assert again["attachments"] == first["attachments"]
    assert again["version"] == first["version"]
    await add(desk, LEBEDEV, filed, "b.pdf", PDF + b"b", 409, version=str(filed["version"]))
    await add(desk, LEBEDEV, filed, "b.pdf", PDF + b"b", 400, version="x")
    ended = await desk.act(HEAD, again | {"id": filed["id"]}, "refuse", reason="хулиганство", why="Брань")
    told = await add(desk, HEAD, ended, "c.pdf", PDF + b"c", 409)
    assert "Обращение завершено" in told["message"]


async def test_who_sends_nothing_more_is_gone_and_nobody_sends_too_many_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callcenter.desk.request_files._NEXT_PIECE_WITHIN", 0.5)
    filed = await desk.in_work()
    over = asyncio.Event()

    async def silent() -> AsyncIterator[bytes]:
        yield PDF
        await over.wait()

    waiting = [asyncio.create_task(add(desk, LEBEDEV, filed, f"{n}.pdf", silent(), 408)) for n in range(4)]
    async with asyncio.timeout(10):
        while len(on_disk(desk)) < 4:  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.01)
    await add(desk, LEBEDEV, filed, "fifth.pdf", PDF, 429)
    await asyncio.gather(*waiting)
    over.set()
    assert on_disk(desk) == []
    await add(desk, LEBEDEV, filed, "sixth.pdf", PDF)


async def test_a_form_without_a_script_brings_several_files(desk: Desk) -> None:
    filed = await desk.in_work()
    page = await desk.page(LEBEDEV, f"/requests/{filed['id']}")
    assert 'enctype="multipart/form-data"' in page
    form = FormData()
    for name in ("a.pdf", "b.pdf"):
        form.add_field("file", PDF + name.encode(), filename=name)
    address = f"/requests/{filed['id']}/files"
    answer = await desk.browsers[LEBEDEV].post(address, data=form, allow_redirects=False)
    assert answer.headers["Location"] == f"/requests/{filed['id']}?done=1"
    wrong = FormData()
    wrong.add_field("file", b"MZ", filename="c.exe")
    answer = await desk.browsers[LEBEDEV].post(address, data=wrong, headers={"Accept-Language": "ru"})
    assert answer.status == 400
    text = await answer.text()
    assert "Файлы такого типа, как c.exe, не принимаются" in text
    assert text.count("a.pdf</bdi></a>") == text.count("b.pdf</bdi></a>") == 1
    assert (await desk.browsers[LEBEDEV].post(address, data={"file": "x"})).status == 415
    broken = {"Content-Type": "multipart/form-data"}
    assert (await desk.browsers[LEBEDEV].post(address, data=b"x", headers=broken)).status == 400
