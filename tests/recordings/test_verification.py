"""`verify`: whatever was removed, changed, cut off, planted or never made is told, a sentence each."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.recordings.manifest import Action, Entry
from tests.recordings.folders import CALL, NOW, Archive, Talk

pytestmark = pytest.mark.clause("ESTP 2.6")

ENDED = "estp, 2024-11-20 15:04"


async def three_talks(archive: Archive) -> list[str]:
    """Paths of three recordings in order."""
    return [(await archive.talked(f"1.{n}", ended=NOW + timedelta(seconds=n))).path for n in (1, 2, 3)]


async def test_everything_is_in_order(archive: Archive) -> None:
    await three_talks(archive)
    assert await archive.verified() == []


async def test_a_file_that_was_removed(archive: Archive) -> None:
    paths = await three_talks(archive)
    (archive.folder / paths[1]).unlink()
    assert await archive.verified() == [f"call 1.2 ({ENDED}): the file is missing"]
    assert await archive.verified(listen=False) == [f"call 1.2 ({ENDED}): the file is missing"]


async def test_a_file_of_which_a_word_was_changed(archive: Archive) -> None:
    paths = await three_talks(archive)
    file = archive.folder / paths[1]
    content = bytearray(file.read_bytes())
    content[100_000:100_400] = bytes(400)
    file.write_bytes(content)
    assert await archive.verified() == [
        f"call 1.2 ({ENDED}): the file was changed after it was signed: its hash is another"
    ]
    assert await archive.verified(listen=False) == [], "a quick look reads no file"


async def test_two_files_that_were_exchanged(archive: Archive) -> None:
    paths = await three_talks(archive)
    first, second = (archive.folder / path for path in paths[:2])
    first.write_bytes(second.read_bytes()[:-4000] + bytes(4000))
    assert len(await archive.verified()) == 1


async def test_the_file_and_its_entry_and_the_entrys_hash_were_changed(archive: Archive) -> None:
    """The register still has the hash of the day."""
    paths = await three_talks(archive)
    (archive.folder / paths[2]).write_bytes((archive.folder / paths[1]).read_bytes())
    archive.manifest.path.unlink()
    (archive.var / "manifest.head").unlink()
    for n, path in enumerate(paths, 1):
        sha = archive.rows.talks[f"1.{min(n, 2)}"].sha256
        archive.manifest.add(Entry(Action.ADDED, f"1.{n}", "estp", path, seconds=10.0, sha256=sha))
    archive.rows.change("1.3", sha256="c" * 64)
    found = await archive.verified()
    assert f"call 1.3 ({ENDED}): the register and the manifest name different hashes of its recording" in found


async def test_the_newest_entries_were_cut_off_with_the_heads_copy(archive: Archive) -> None:
    paths = await three_talks(archive)
    archive.rewrite(archive.lines()[:2])
    last = archive.entries()[-1]
    (archive.var / "manifest.head").write_text(f'{{"number":2,"hash":"{last.hash}"}}')
    assert await archive.verified() == [
        f"call 1.3 ({ENDED}): the manifest does not know its recording",
        f"{paths[2]}: nobody knows this file: it has no entry in the manifest",
    ]


async def test_a_file_that_somebody_put_there(archive: Archive) -> None:
    paths = await three_talks(archive)
    shutil.copy(archive.folder / paths[0], archive.folder / "estp/2024-11-20/15-09-09_1.9.wav")
    assert await archive.verified() == [
        "estp/2024-11-20/15-09-09_1.9.wav: nobody knows this file: it has no entry in the manifest"
    ]


async def test_a_conversation_that_was_never_recorded(archive: Archive) -> None:
    archive.rows.add(Talk("1.1"))
    archive.rows.add(Talk("1.2", problem="not recorded from the first word on: 3 MB are free"))
    archive.rows.add(Talk("1.3"))
    (archive.incoming / "1.3-in.wav").write_bytes(b"what there is")
    assert await archive.verified() == [
        f"call 1.1 ({ENDED}): there is no recording",
        f"call 1.2 ({ENDED}): not recorded from the first word on: 3 MB are free",
        f"call 1.3 ({ENDED}): there is no recording",
        f"call 1.3 ({ENDED}): what Asterisk recorded lies in {archive.incoming}",
    ]


async def test_a_recording_whose_call_the_register_has_lost(archive: Archive) -> None:
    paths = await three_talks(archive)
    del archive.rows.talks["1.2"]
    assert await archive.verified() == [f"{paths[1]}: no conversation of the register names it"]
    (archive.folder / paths[1]).unlink()
    assert await archive.verified() == [
        f"{paths[1]}: the file is missing",
        f"{paths[1]}: no conversation of the register names it",
    ]


async def test_what_was_told_after_the_call_is_told_again(archive: Archive) -> None:
    await archive.talked()
    archive.rows.change(CALL, problem="the operator's side was noisy")
    assert await archive.verified() == [f"call {CALL} ({ENDED}): the operator's side was noisy"]


async def test_only_some_days_or_one_line_are_looked_at(archive: Archive) -> None:
    """But the chain always as a whole."""
    for n, line in enumerate(("estp", "estp", "other")):
        made = await archive.talked(f"1.{n}", 1.0, ended=NOW + timedelta(days=n), line=line)
        (archive.folder / made.path).unlink()
    day = NOW.date()
    assert len(await archive.verified()) == 3
    assert [text[:9] for text in await archive.verified(first=day + timedelta(days=1))] == ["call 1.1 ", "call 1.2 "]
    assert [text[:9] for text in await archive.verified(last=day)] == ["call 1.0 "]
    assert [text[:9] for text in await archive.verified(line="other")] == ["call 1.2 "]
    archive.rewrite(archive.lines()[1:])
    found = await archive.verified(line="other")
    assert "entry 1 is missing" in found[0]


async def test_many_conversations_are_asked_for_page_by_page(archive: Archive) -> None:
    for n in range(1234):
        archive.rows.add(Talk(f"1.{n}"))
    assert len(await archive.verified()) == 1234


async def test_an_entry_that_leads_elsewhere_is_told_and_not_followed(archive: Archive) -> None:
    archive.manifest.add(Entry(Action.ADDED, "x", "estp", "../../etc/passwd"))
    [problem] = await archive.verified()
    assert "'../../etc/passwd' is no recording below" in problem


LINK = "cannot be read (is a symbolic link, which is not followed)"


@pytest.mark.parametrize("elsewhere", [False, True], ids=["another recording", "out of the folder"])
async def test_a_link_in_place_of_a_recording_is_told_and_not_followed(
    archive: Archive, tmp_path: Path, elsewhere: bool
) -> None:
    paths = await three_talks(archive)
    file = archive.folder / paths[1]
    target = tmp_path / "secret" if elsewhere else archive.folder / paths[0]
    if elsewhere:
        file.rename(target)
    else:
        file.unlink()
    file.symlink_to(target)
    for listen in (True, False):
        assert await archive.verified(listen=listen) == [f"call 1.2 ({ENDED}): its recording {LINK}"]
    del archive.rows.talks["1.2"]
    assert f"{paths[1]}: the file {LINK}" in await archive.verified()


async def test_a_link_that_leads_nowhere_does_not_end_the_verification(archive: Archive) -> None:
    await three_talks(archive)
    (archive.folder / "estp/2024-11-20/15-09-09_1.9.wav").symlink_to("nowhere")
    [problem] = await archive.verified()
    assert "15-09-09_1.9.wav: nobody knows this file" in problem
