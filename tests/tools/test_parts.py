"""Getting the real parts on every kind of machine: what is found where, and what people are told."""

from __future__ import annotations

import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tools import debian, parts
from tools.debian import (
    MIRROR_VARIABLE,
    Archive,
    PartError,
    Source,
    apt_sources,
    debian_mirror,
    multiarch,
    version_of,
)

DEBIAN = Source("http://mirror.example/debian", ("bookworm", "bookworm-updates"), ("main",))
SECURITY = Source("http://mirror.example/debian-security", ("bookworm-security",), ("main",))
UBUNTU = Source("http://mirror.example/ubuntu", ("noble", "noble-updates"), ("main", "universe"))


class Shelf(Archive):
    """An archive that holds one ready program, or fails half-way through unpacking it."""

    def __init__(self, version: str | None, breaks: bool = False) -> None:
        super().__init__("the test's shelf", Path("unused"))
        self._version, self._breaks = version, breaks

    def candidate(self, package: str) -> str | None:
        return self._version

    def unpack(self, packages: Sequence[str], root: Path) -> None:
        (root / "usr/bin").mkdir(parents=True)
        if self._breaks:
            raise PartError("the line went dead")
        # A real program with its real loader and C library, borrowed from this machine.
        for folder, names in (
            ("usr/bin", ["/usr/bin/env"]),
            (f"usr/lib/{multiarch()}", [loader(), libc()]),
        ):
            (root / folder).mkdir(parents=True, exist_ok=True)
            for name in names:
                (root / folder / Path(name).name).write_bytes(Path(name).read_bytes())
                (root / folder / Path(name).name).chmod(0o755)


def loader() -> str:
    name = debian.PLATFORMS[platform.machine()][1]
    return next(str(path) for path in (Path("/lib64") / name, Path("/lib") / name) if path.exists())


def libc() -> str:
    return next(
        str(path) for path in (Path("/lib") / multiarch() / "libc.so.6", Path("/usr/lib64/libc.so.6")) if path.exists()
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh machine: nothing fetched, nothing on the PATH."""
    monkeypatch.setattr(parts, "PARTS", tmp_path / "parts")
    (tmp_path / "parts").mkdir()
    monkeypatch.setattr(shutil, "which", lambda command, path=None: None)
    return tmp_path


def install(home: Path, monkeypatch: pytest.MonkeyPatch, command: str, says: str) -> Path:
    """Put a program on the PATH that tells a version."""
    binary = home / command
    binary.write_text(f"#!/bin/sh\necho '{says}'\nexit 99\n")  # sipp does exit with 99
    binary.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda wanted, path=None: str(binary) if wanted == command else None)
    return binary


def only_from(monkeypatch: pytest.MonkeyPatch, machine: Archive | None, release: Archive | None) -> parts.Archives:
    """Archives that are as given; None is one that can't be opened."""

    def place(archive: Archive | None) -> Callable[[parts.Archives], Archive]:
        def opened(_: parts.Archives) -> Archive:
            if archive is None:
                raise PartError("that archive can't be reached")
            return archive

        return opened

    monkeypatch.setattr(parts.Archives, "machine", place(machine))
    monkeypatch.setattr(parts.Archives, "release", place(release))
    return parts.Archives()


ENV = parts.Part(
    name="env",
    command="env",
    program="usr/bin/env",
    packages=("coreutils",),
    at_least=(5,),
    version_words=("--version",),
)


class TestAptSources:
    def test_both_formats_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "sources.list.d").mkdir()
        (tmp_path / "sources.list").write_text(
            "# the old format\n"
            "deb http://one.example/debian bookworm main contrib # of the office\n"
            "deb-src http://one.example/debian bookworm main\n"
            "  deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://two.example/repo stable main\n"
            "#deb http://off.example/debian sid main\n"
        )
        (tmp_path / "sources.list.d/debian.sources").write_text(
            "Types: deb deb-src\n"
            "# a comment in the middle\n"
            "URIs: http://three.example/debian\n"
            "  http://four.example/debian\n"
            "Suites: trixie trixie-updates\n"
            "Components: main non-free\n"
            "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n"
            "\n"
            "Enabled: no\nTypes: deb\nURIs: http://off.example/x\nSuites: sid\nComponents: main\n"
            "\n"
            "Types: deb-src\nURIs: http://off.example/y\nSuites: sid\nComponents: main\n"
        )
        (tmp_path / "sources.list.d/ignored.save").write_text("deb http://off.example/z sid main\n")
        assert apt_sources(tmp_path) == [
            Source("http://one.example/debian", ("bookworm",), ("main", "contrib")),
            Source("http://two.example/repo", ("stable",), ("main",)),
            Source("http://three.example/debian", ("trixie", "trixie-updates"), ("main", "non-free")),
            Source("http://four.example/debian", ("trixie", "trixie-updates"), ("main", "non-free")),
        ]

    def test_a_machine_without_apt_has_none(self, tmp_path: Path) -> None:
        assert apt_sources(tmp_path / "nowhere") == []


class TestMirror:
    def test_is_the_one_that_this_machine_uses(self) -> None:
        assert debian_mirror([SECURITY, UBUNTU, DEBIAN], {}) == DEBIAN.uri

    def test_can_be_named_by_a_person(self) -> None:
        assert debian_mirror([DEBIAN], {MIRROR_VARIABLE: " http://own.example/debian "}) == "http://own.example/debian"

    @pytest.mark.parametrize("sources", [[], [UBUNTU], [SECURITY]])
    def test_unknown_is_told_with_what_to_do(self, sources: list[Source]) -> None:
        with pytest.raises(PartError, match=f"no Debian mirror .*{MIRROR_VARIABLE}="):
            debian_mirror(sources, {})


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1", (22, 10, 1)),
        ("Asterisk 20.6.0~dfsg+~cs6.13.40431414-2build5", (20, 6, 0)),
        ("Asterisk GIT-20-abcdef", (20,)),
        ("1:22.10.1+dfsg+~cs6.17.60671434-1", (22, 10, 1)),
        ("\n SIPp v3.6.1-TLS-SCTP-PCAP.\n\n This program …", (3, 6, 1)),
        ("sox:      SoX v14.4.2", (14, 4, 2)),
        ("RHVoice-test  version: none", ()),
        ("", ()),
    ],
)
def test_version_is_found_in_what_a_program_says(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version


def test_versions_compare_as_numbers() -> None:
    assert version_of("1:3.10.0-1") >= (3, 6)
    assert not version_of("1:16.28.0~dfsg-0+deb11u4") >= (20,)


class TestGetting:
    def test_an_installed_program_is_used_as_it_is(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        binary = install(home, monkeypatch, "sipp", "SIPp v3.7.3-TLS")
        assert parts.get(parts.SIPP, only_from(monkeypatch, None, None))
        found = parts.known(parts.SIPP)
        assert found is not None
        assert (found["binary"], found["version"]) == (str(binary), "3.7.3")

    def test_a_second_call_looks_at_nothing(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        install(home, monkeypatch, "sipp", "SIPp v3.7.3-TLS")
        archives = only_from(monkeypatch, None, None)
        assert parts.get(parts.SIPP, archives)
        monkeypatch.setattr(parts, "from_path", None)
        assert parts.get(parts.SIPP, archives)

    def test_a_part_that_went_away_is_got_again(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        binary = install(home, monkeypatch, "sipp", "SIPp v3.7.3-TLS")
        assert parts.get(parts.SIPP, only_from(monkeypatch, None, None))
        binary.unlink()
        assert parts.known(parts.SIPP) is None

    def test_the_nearest_archive_with_a_new_enough_version_serves(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        archives = only_from(monkeypatch, machine=Shelf("1:4.9-1"), release=Shelf("1:9.4-1"))
        assert parts.get(ENV, archives), capsys.readouterr().err
        wrapper = home / "parts/bin/env"
        said = subprocess.run([wrapper, "echo", "it runs"], capture_output=True, text=True, check=True)
        assert said.stdout == "it runs\n"

    def test_a_half_done_download_is_no_part_and_is_done_again(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not parts.get(ENV, only_from(monkeypatch, machine=Shelf("9.4", breaks=True), release=None))
        assert parts.known(ENV) is None
        assert not (home / "parts/env").exists()
        assert parts.get(ENV, only_from(monkeypatch, machine=Shelf("9.4"), release=None))
        assert not (home / "parts/env.partial").exists()

    def test_a_part_that_can_not_be_had_is_told_in_one_sentence(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        binary = install(home, monkeypatch, "asterisk", "Asterisk 18.10.0")
        monkeypatch.setattr(parts, "apt_sources", lambda: [UBUNTU])
        monkeypatch.setattr(parts.Archives, "machine", lambda self: Shelf("1:18.10.0~dfsg-1"))
        monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
        assert not parts.get(parts.ASTERISK, parts.Archives())
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        for word in (
            "asterisk 20 or newer",
            f"{binary} is of version 18.10.0",
            "only asterisk 1:18.10.0~dfsg-1",
        ):
            assert word in told
        assert MIRROR_VARIABLE in told
        assert "`asterisk` is on the PATH" in told

    def test_an_unknown_name_is_told_with_the_known_ones(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            parts.main(["astersik"])
        assert "unknown part astersik; there are: asterisk, sipp, postgresql, sox, rhvoice" in capsys.readouterr().err


def test_missing_signing_keys_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "none.gpg")
    with pytest.raises(PartError, match="apt-get install debian-archive-keyring"):
        Archive.of_release("forky", "http://mirror.example/debian", tmp_path)


@pytest.mark.e2e
class TestRealParts:
    def test_asterisk_starts_with_a_configuration_of_its_own(self, asterisk: Callable[[str], str]) -> None:
        assert version_of(asterisk("core show version")) >= (20,)
        for module in (
            "chan_pjsip",
            "app_queue",
            "app_mixmonitor",
            "codec_alaw",
            "format_wav",
            "res_timing_timerfd",
        ):
            assert "Running" in asterisk(f"module show like {module}.so"), module

    def test_asterisk_has_sounds(self) -> None:
        found = parts.known(parts.ASTERISK)
        assert found is not None
        assert found["sounds"] is not None
        assert list(Path(found["sounds"]).glob("**/beep.*"))

    def test_sipp_runs(self) -> None:
        found = parts.known(parts.SIPP)
        assert found is not None
        assert parts.running_version(parts.SIPP, str(found["binary"])) >= (3, 6)


@pytest.fixture
def asterisk(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """The fetched Asterisk, started in a folder of its own with nothing but its directories configured."""
    found = parts.known(parts.ASTERISK)
    assert found is not None, "run tools/parts.py asterisk first (make test does)"
    folders = {"astmoddir": found["modules"], "astdatadir": found["data"]}
    for name in ("etc", "varlib", "db", "spool", "run", "log"):
        (tmp_path / name).mkdir()
        folders[f"ast{name}dir"] = str(tmp_path / name)
    lines = "\n".join(f"{name} => {folder}" for name, folder in folders.items())
    configuration = tmp_path / "etc/asterisk.conf"
    configuration.write_text(f"[directories]\n{lines}\n")
    (tmp_path / "etc/modules.conf").write_text("[modules]\nautoload = yes\n")
    binary = str(found["binary"])
    with (tmp_path / "output").open("w") as output:
        running = subprocess.Popen(
            [binary, "-C", str(configuration), "-f", "-n"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip

    def command(words: str) -> str:
        said = subprocess.run(
            [binary, "-C", str(configuration), "-rx", words],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return said.stdout

    try:
        limit = time.monotonic() + 60
        while "fully booted" not in command("core waitfullybooted"):
            assert running.poll() is None, (tmp_path / "output").read_text()
            assert time.monotonic() < limit, (tmp_path / "output").read_text()
        yield command
    finally:
        running.terminate()
        running.wait(timeout=30)


class Cellar(Shelf):
    """Programs that start one another and look for each other beside themselves, as PostgreSQL's do."""

    def unpack(self, packages: Sequence[str], root: Path) -> None:
        super().unpack(packages, root)
        folder = root / "usr/lib/postgresql/17/bin"
        folder.mkdir(parents=True)
        for name in ("postgres", "initdb", "pg_dump", "pg_restore", "pg_ctl"):
            (folder / name).write_bytes((root / "usr/bin/env").read_bytes())
            (folder / name).chmod(0o755)


class TestPostgresql:
    def test_it_is_found_where_debian_keeps_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(parts, "PARTS", tmp_path)
        folder = tmp_path / "usr/lib/postgresql/16/bin"
        folder.mkdir(parents=True)
        for name in ("postgres", "initdb", "pg_dump", "pg_restore", "pg_ctl"):
            (folder / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 16.3'\n")
            (folder / name).chmod(0o755)
        part = replace(parts.POSTGRESQL, off_path=f"{str(tmp_path).removeprefix('/')}/usr/lib/postgresql/*/bin")
        monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
        found = parts.from_path(part, parts.Archives())
        assert (found["binary"], found["folder"]) == (str(folder / "postgres"), str(folder))

    def test_unpacked_programs_find_their_neighbours_and_run_by_their_own_loader(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parts, "running_version", lambda part, binary: (17, 2))
        assert parts.get(parts.POSTGRESQL, only_from(monkeypatch, Cellar("17+1"), None))
        found = parts.known(parts.POSTGRESQL)
        assert found is not None
        program = Path(str(found["folder"])) / "initdb"
        assert str(found["binary"]) == str(program.with_name("postgres"))
        said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
        assert "coreutils" in said
        assert f"--argv0 {program}" in program.read_text()

    def test_an_old_one_is_refused_in_a_sentence(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert not parts.get(parts.POSTGRESQL, only_from(monkeypatch, Cellar("13+225"), None))
        assert "postgresql 14 or newer can't be had" in capsys.readouterr().err
