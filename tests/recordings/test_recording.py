"""Conversations become files: both sides, whole, measured and signed; whatever Asterisk or the disk has done."""

from __future__ import annotations

import asyncio
import hashlib
import resource
import struct
import wave
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callcenter.recordings import recording as recordings
from callcenter.recordings.manifest import Entry, Manifest, ManifestError
from callcenter.recordings.recording import RATE, NotYet, Recording, RecordingError
from callcenter.recordings.recordings import Recordings

pytestmark = pytest.mark.clause("ESTP 2.6")

NOW = datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC)
CALL = "1763650000.7"
CALLER, OPERATOR = 1000, -2000
"""What the two sides «say»: one constant sample each."""


class Place:
    """A spool and a folder, and the recordings between them."""

    def __init__(self, home: Path) -> None:
        self.incoming, self.folder = home / "spool", home / "kept"
        self.incoming.mkdir()
        self.recordings = Recordings(self.incoming, self.folder, Manifest(self.folder, home, lambda: NOW))

    def side(self, name: str, samples: list[int] | array[int]) -> Path:
        """What Asterisk wrote: a finished file."""
        path = self.incoming / name
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(array("h", samples).tobytes())
        return path

    def talked(self, seconds_in: float, seconds_out: float, name: str = CALL) -> None:
        self.side(f"{name}-in.wav", [CALLER] * round(RATE * seconds_in))
        self.side(f"{name}-out.wav", [OPERATOR] * round(RATE * seconds_out))

    async def finish(self, talk: float = 10.0, call: str = CALL) -> Recording | None:
        return await self.recordings.finish(call, "estp", talk, NOW)

    async def finished(self, talk: float = 10.0, call: str = CALL) -> Recording:
        found = await self.finish(talk, call)
        assert found is not None
        return found

    def heard(self, recording: Recording) -> tuple[list[int], list[int]]:
        """The left and the right channel of the finished file."""
        with wave.open(str(self.folder / recording.path), "rb") as file:
            assert file.getparams()[:3] == (2, 2, RATE)
            both = array("h", file.readframes(file.getnframes()))
        return list(both[0::2]), list(both[1::2])

    def kept(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file() and path.name != "manifest.jsonl"]

    def spooled(self) -> list[str]:
        return sorted(path.name for path in self.incoming.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_both_sides_become_one_file_with_a_channel_each(place: Place) -> None:
    place.talked(1.0, 0.5)
    made = await place.finished()
    left, right = place.heard(made)
    assert left == [CALLER] * RATE
    assert right == [OPERATOR] * (RATE // 2) + [0] * (RATE // 2)


async def test_where_it_lies_how_long_it_is_and_what_it_is_signed_with(place: Place) -> None:
    place.talked(0.25, 1.5)
    made = await place.finished()
    assert made.path == f"estp/2026-11-20/15-04-05_{CALL}.wav"
    assert made.seconds == 1.5
    assert made.sha256 == hashlib.sha256((place.folder / made.path).read_bytes()).hexdigest()
    assert place.kept() == [place.folder / made.path], "and no half-finished file beside it"


async def test_samples_keep_their_order_across_pieces(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "_CHUNK", 7)
    said = [n % 30_000 for n in range(1000)]
    place.side(f"{CALL}-in.wav", said)
    place.side(f"{CALL}-out.wav", [-sample for sample in said[:333]])
    left, right = place.heard(await place.finished())
    assert left == said
    assert right == [-sample for sample in said[:333]] + [0] * 667


@pytest.mark.usefixtures("soon_sure")
async def test_conversations_of_one_call_follow_one_another(place: Place) -> None:
    """Parts are numbered from the first hold on; the tenth comes after the second, and another call's stay away."""
    place.side(f"{CALL}-in.wav", [1] * 100)
    place.side(f"{CALL}-out.wav", [1] * 40)
    for part in (2, 10, 1):
        place.side(f"{CALL}-{part}-in.wav", [part + 1] * 100)
    place.side(f"{CALL}-10-out.wav", [5] * 100)
    place.side(f"{CALL}7-in.wav", [99] * 100)
    left, right = place.heard(await place.finished())
    assert left == [1] * 100 + [2] * 100 + [3] * 100 + [11] * 100
    assert right == [1] * 40 + [0] * 260 + [5] * 100
    assert place.spooled() == [f"{CALL}7-in.wav"]


@pytest.mark.usefixtures("soon_sure")
async def test_a_third_voice_needs_no_file_of_its_own(place: Place) -> None:
    """A supervisor joins the bridge: what the caller heard is both, whether or not a recorder begins anew."""
    supervisor = 300
    place.side(f"{CALL}-in.wav", [CALLER] * 300)
    place.side(f"{CALL}-out.wav", [OPERATOR] * 100 + [OPERATOR + supervisor] * 200)
    place.side(f"{CALL}-1-in.wav", [CALLER] * 100)
    place.side(f"{CALL}-1-out.wav", [supervisor] * 100)
    left, right = place.heard(await place.finished())
    assert left == [CALLER] * 400
    assert right == [OPERATOR] * 100 + [OPERATOR + supervisor] * 200 + [supervisor] * 100


@pytest.mark.parametrize("side", ["in", "out"])
@pytest.mark.usefixtures("soon_sure")
async def test_one_side_that_was_never_written_is_silent(place: Place, side: str) -> None:
    place.side(f"{CALL}-{side}.wav", [CALLER] * 800)
    left, right = place.heard(await place.finished())
    assert (left, right) == (([CALLER] * 800, [0] * 800) if side == "in" else ([0] * 800, [CALLER] * 800))


@pytest.mark.usefixtures("impatient")
async def test_an_asterisk_that_died_never_finished_its_headers(place: Place) -> None:
    """The lengths are still 0 there, and half a sample may stand at the end: all that was heard is kept."""
    place.talked(1.0, 1.0)
    for side in ("in", "out"):
        path = place.incoming / f"{CALL}-{side}.wav"
        data = bytearray(path.read_bytes())
        data[4:8] = data[40:44] = struct.pack("<I", 0)
        path.write_bytes(bytes(data) + (b"\x01" if side == "in" else b""))
    made = await place.finished()
    assert made.seconds == 1.0
    assert place.heard(made) == ([CALLER] * RATE, [OPERATOR] * RATE)


async def test_a_file_is_joined_only_when_asterisk_has_closed_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.talked(0.5, 0.5)
    path = place.incoming / f"{CALL}-in.wav"
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + struct.pack("<I", 0) + whole[44:100])
    is_closed, looks = recordings._is_closed, 0

    def looked_at(side: Path) -> bool:
        """Asterisk goes on writing each time that we have looked."""
        nonlocal looks
        closed = is_closed(side)
        if side == path and not closed:
            looks += 1
            path.write_bytes(whole if looks == 3 else path.read_bytes() + b"\0\0")
        return closed

    monkeypatch.setattr(recordings, "_is_closed", looked_at)
    left, _ = place.heard(await place.finished())
    assert looks == 3
    assert left == [CALLER] * (RATE // 2)


async def test_a_part_that_asterisk_has_only_opened_is_waited_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conversation with the first operator, when the machine is so busy that its files are closed late."""
    place.talked(1.0, 1.0)
    place.talked(1.0, 1.0, f"{CALL}-1")
    paths = [place.incoming / f"{CALL}-{side}.wav" for side in ("in", "out")]
    whole = [path.read_bytes() for path in paths]
    for path in paths:
        path.write_bytes(b"")
    made, looks = recordings.Maker.make, 0

    def look(maker: recordings.Maker, asked: Sequence[tuple[recordings.Wanted, float]]) -> list[recordings.Outcome]:
        nonlocal looks
        looks += 1
        if looks == 3:
            for path, content in zip(paths, whole, strict=True):
                path.write_bytes(content)
        return made(maker, asked)

    monkeypatch.setattr(recordings.Maker, "make", look)
    monkeypatch.setattr(recordings, "_SURELY_EMPTY", 0.0)  # a busy machine: it takes longer than that
    assert (await place.finished(talk=2.0)).sides == (2.0, 2.0)
    assert looks >= 3


@pytest.mark.parametrize("late", [("in", "out"), ("out",)])
async def test_a_file_of_which_asterisk_has_not_written_anything_yet_is_waited_for(
    place: Place, monkeypatch: pytest.MonkeyPatch, late: tuple[str, ...]
) -> None:
    """It writes in large pieces: a short conversation is only in its memory until the file is closed."""
    place.talked(1.0, 1.0)
    paths = [place.incoming / f"{CALL}-{side}.wav" for side in late]
    whole = [path.read_bytes() for path in paths]
    for path, content in zip(paths, whole, strict=True):
        path.write_bytes(content[:40] + struct.pack("<I", 0))
    length, looks = recordings._length, 0

    def looked_at(side: Path) -> int:
        nonlocal looks
        looks += 1
        if looks == 20:
            for path, content in zip(paths, whole, strict=True):
                path.write_bytes(content)
        return length(side)

    monkeypatch.setattr(recordings, "_length", looked_at)
    made = await place.finished(talk=1.0)
    assert place.heard(made) == ([CALLER] * RATE, [OPERATOR] * RATE)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("remains", [b"", b"RIFF", b"\0" * 44])
async def test_a_conversation_of_which_nothing_was_recorded_is_said(place: Place, remains: bytes) -> None:
    (place.incoming / f"{CALL}-in.wav").write_bytes(remains)
    with pytest.raises(RecordingError, match="Asterisk recorded nothing"):
        await place.finish()
    assert place.kept() == []


@pytest.mark.usefixtures("impatient")
async def test_nothing_in_the_spool_at_all_is_said_too(place: Place) -> None:
    with pytest.raises(RecordingError, match="Asterisk recorded nothing"):
        await place.finish()


async def test_nobody_talked_and_nothing_is_kept(place: Place) -> None:
    place.talked(3.0, 3.0)  # of the waiting room: never
    assert await place.finish(talk=0.0) is None
    assert place.kept() == []
    assert place.spooled() == []


@pytest.mark.usefixtures("soon_sure")
async def test_a_conversation_shorter_than_a_packet_needs_no_recording_but_a_word_is_kept(place: Place) -> None:
    place.talked(0.0, 0.0)
    assert await place.finish(talk=0.1) is None
    place.talked(0.02, 0.0)
    assert (await place.finished(talk=0.1)).seconds == 0.02


async def test_the_spool_is_emptied_only_when_the_file_is_whole(place: Place) -> None:
    place.talked(1.0, 1.0)
    place.folder.write_text("a file stands where the folder should be")
    with pytest.raises(RecordingError, match=r"estp|File exists|Not a directory") as caught:
        await place.finish()
    assert str(place.incoming) in str(caught.value)
    assert place.spooled() == [f"{CALL}-in.wav", f"{CALL}-out.wav"]
    place.folder.unlink()
    assert (await place.finished()).seconds == 1.0
    assert place.spooled() == []


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file of this process can grow beyond: as near to a full disk as a test gets."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_disk_that_fills_up_leaves_no_half_file_and_all_of_the_spool(place: Place) -> None:
    place.talked(100.0, 100.0)
    with full_after(1_000_000), pytest.raises(RecordingError, match="what there is stays in"):
        await place.finish()
    assert place.kept() == []
    assert place.spooled() == [f"{CALL}-in.wav", f"{CALL}-out.wav"]


async def test_a_spool_that_cannot_be_emptied_is_an_error_with_words(place: Place) -> None:
    (place.incoming / f"{CALL}-in.wav").mkdir()
    with pytest.raises(RecordingError, match="what there is stays in"):
        await place.finish(talk=0.0)


@pytest.mark.parametrize(
    "call",
    [
        "\udcff",
        "../outside",
        "/etc/passwd",
        "..",
        "a/b",
        "",
        "a\0b",
        "x" * 300,
        "host-1.7",
        "%2e%2e",
        "a b;$(x)&",
        "*",
        "[1]",
        "ё\n",
    ],
)
@pytest.mark.usefixtures("soon_sure")
async def test_no_call_whatever_its_id_leaves_the_folders(place: Place, call: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside-in.wav"
    outside.write_bytes(b"not ours")
    place.side(f"{CALL}-in.wav", [99] * 100)
    if call and len(call) < 200 and not set(call) & set("/\0"):
        place.side(f"{call}-in.wav", [CALLER] * 100)
    try:
        made = await place.finished(call=call)
    except RecordingError:
        assert set(call) & set("/\0") or not 0 < len(call) < 200
    else:
        assert (place.folder / made.path).resolve().parent == place.folder / "estp/2026-11-20"
        assert place.heard(made)[0] == [CALLER] * 100
    assert outside.read_bytes() == b"not ours"
    assert f"{CALL}-in.wav" in place.spooled(), "another call's"


async def test_many_calls_end_at_once_and_each_gets_its_own(place: Place) -> None:
    calls = [f"1763650000.{n}" for n in range(20)]
    for n, call in enumerate(calls):
        place.side(f"{call}-in.wav", [n] * 200)
        place.side(f"{call}-out.wav", [-n] * 200)
    made = await asyncio.gather(*(place.finished(call=call) for call in calls))
    for n, recording in enumerate(made):
        assert place.heard(recording) == ([n] * 200, [-n] * 200)
    assert place.spooled() == []


@pytest.mark.usefixtures("impatient")
async def test_who_has_nothing_to_be_recorded_takes_nothing_from_those_who_end_with_them(place: Place) -> None:
    place.talked(1.0, 1.0)
    place.side("broken-in.wav", [1]).rename(place.incoming / "broken")
    (place.incoming / "broken-in.wav").mkdir()
    calls = [(CALL, 1.0), ("nothing", 1.0), ("broken", 0.0), ("../etc", 1.0), ("silent", 0.0)]
    made = await asyncio.gather(*(place.finish(talk, call) for call, talk in calls), return_exceptions=True)
    assert isinstance(made[0], Recording)
    assert [type(one) for one in made[1:]] == [RecordingError, NotYet, RecordingError, type(None)]
    assert [path.name for path in place.kept()] == [f"15-04-05_{CALL}.wav"]


async def test_calls_that_end_together_share_what_a_disk_takes_longest_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[int] = []
    add = Manifest.add

    def counted(manifest: Manifest, *entries: Entry) -> None:
        entered.append(len(entries))
        add(manifest, *entries)

    monkeypatch.setattr(Manifest, "add", counted)
    calls = [f"1763650000.{n}" for n in range(20)]
    for call in calls:
        place.talked(0.1, 0.1, call)
    await asyncio.gather(*(place.finished(call=call) for call in calls))
    assert entered == [20]


async def test_a_manifest_that_cannot_be_written_holds_up_all_and_loses_none(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [f"1763650000.{n}" for n in range(3)]
    for call in calls:
        place.talked(0.1, 0.1, call)

    def refuses(manifest: Manifest, *entries: Entry) -> None:
        raise ManifestError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Manifest, "add", refuses)
        found = await asyncio.gather(*(place.finish(call=call) for call in calls), return_exceptions=True)
    assert [type(one) for one in found] == [NotYet] * 3
    assert len(place.spooled()) == 6
    made = await asyncio.gather(*(place.finished(call=call) for call in calls))
    assert len({one.path for one in made}) == 3
    assert place.spooled() == []
