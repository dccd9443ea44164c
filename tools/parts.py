"""Get the real parts: `tools/parts.py asterisk sipp postgresql prometheus rhvoice sox`.

`--where asterisk` prints a part's home.

Each part is taken from the first of these that has it new enough: the PATH; this machine's own apt sources; a
newer Debian release. Packages are unpacked into `var/parts/<name>/` without root, and `var/parts/<name>.json`
says where things are. A part that is there costs no time.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the script may be started from anywhere, before there is an environment

from tools.debian import (  # noqa: E402
    Archive,
    PartError,
    apt_sources,
    debian_mirror,
    multiarch,
    version_of,
    write_wrapper,
)

PARTS = ROOT / "var" / "parts"
RELEASE = "forky"  # the first Debian release with Asterisk since 11
FREE_VOICES = frozenset(
    {"irina", "anna", "aleksandr", "elena", "slt", "bdl", "clb"}
)  # the others' licences are not free
Home = dict[str, str | None]


def nothing_more(root: Path, home: Home) -> None:
    """For a part that is its program alone."""


@dataclass(frozen=True)
class Part:
    """A program that we need, and where Debian keeps it."""

    name: str
    command: str
    program: str  # below the folder that the packages are unpacked into; may be a pattern
    packages: tuple[str, ...]  # the first one's version decides
    at_least: tuple[int, ...]  # () if any version will do
    version_words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)  # {root}: the unpacked folder
    complete: Callable[[Path, Home], None] = nothing_more  # adds to the home, or refuses it
    off_path: str = ""  # where it is installed if not on the PATH: a pattern of folders below /

    def made_from(self) -> str:
        """What its home depends on; a home that was made from something else is made anew."""
        wanted = (self.program, self.packages, self.at_least, sorted(self.environment.items()), str(PARTS))
        return hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]


def complete_asterisk(root: Path, home: Home) -> None:
    """Modules, data and sounds: under the unpacked `root`, or of the installed Asterisk when `root` is /."""
    configured = _directories(root / "etc/asterisk/asterisk.conf") if root == Path("/") else {}
    modules = [
        configured.get("astmoddir"),
        root / "usr/lib" / multiarch() / "asterisk/modules",
        root / "usr/lib/asterisk/modules",
        root / "usr/lib64/asterisk/modules",
    ]
    data = [configured.get("astdatadir"), root / "usr/share/asterisk", root / "var/lib/asterisk"]
    home["modules"] = _first(modules, "chan_pjsip.so", "Asterisk's SIP channel (chan_pjsip.so)")
    data_folder = _first(data, "documentation", "Asterisk's data (with documentation/)")
    home["data"] = data_folder
    sounds = Path(data_folder) / "sounds"
    home["sounds"] = str(sounds) if sounds.is_dir() else None
    if root != Path("/") and sounds.is_dir():
        # Debian makes these links at installation, by its system of alternatives.
        for voice in sorted(sounds.iterdir()):
            link = sounds / voice.name.split("_")[0]
            if voice.is_dir() and "_" in voice.name and not link.exists():
                link.symlink_to(voice.name)


def _directories(configuration: Path) -> dict[str, Path]:
    try:
        text = configuration.read_text("utf-8", "replace")
    except OSError:
        return {}
    return {key: Path(value) for key, value in re.findall(r"^\s*(ast\w+dir)\s*=>?\s*(/\S+)", text, re.MULTILINE)}


def _first(folders: Sequence[Path | None], content: str, what: str) -> str:
    for folder in folders:
        if folder is not None and (folder / content).exists():
            return str(folder)
    raise PartError(f"{what} is not where it is expected")


def complete_rhvoice(root: Path, home: Home) -> None:
    """Its data; of an unpacked RHVoice only the voices that everybody may use are kept."""
    data = [root / "usr/share/RHVoice", root / "usr/local/share/RHVoice"]
    found = _first(data, "languages/Russian", "RHVoice's Russian (package rhvoice-russian)")
    home["data"] = found
    if root == Path("/"):
        return
    for voice in Path(found, "voices").iterdir():
        if voice.name not in FREE_VOICES:
            shutil.rmtree(voice)


def complete_postgresql(root: Path, home: Home) -> None:
    """The folder of all its programs. They start one another, so each unpacked one becomes its own wrapper."""
    binary = Path(str(home["binary"])).resolve() if root == Path("/") else found_program(POSTGRESQL, root)
    for name in ("postgres", "initdb", "pg_dump", "pg_restore", "pg_ctl"):
        program, real = binary.parent / name, binary.parent / "real" / name
        if not program.exists():
            raise PartError(f"{binary.parent} has no {name}")
        if root != Path("/"):
            real.parent.mkdir(exist_ok=True)
            program.rename(real)
            write_wrapper(program, root, str(real.relative_to(root)), {}, as_itself=True)
    home |= {"binary": str(binary), "folder": str(binary.parent)}


def complete_prometheus(root: Path, home: Home) -> None:
    """The program beside it that checks and tests rules."""
    tool = Path(str(home["binary"])).with_name("promtool") if root == Path("/") else root / "usr/bin/promtool"
    if not os.access(tool, os.X_OK):
        raise PartError(f"{tool} is not there: install promtool beside prometheus")
    home["promtool"] = str(tool)
    if root != Path("/"):
        shutil.rmtree(root / "usr/share", ignore_errors=True)  # pages to look at, two thirds of it all


ASTERISK = Part(
    name="asterisk",
    command="asterisk",
    program="usr/sbin/asterisk",
    packages=("asterisk", "asterisk-modules", "asterisk-core-sounds-ru-wav", "asterisk-core-sounds-en-gsm"),
    at_least=(20,),
    version_words=("-V",),
    complete=complete_asterisk,
)
SIPP = Part(
    name="sipp",
    command="sipp",
    program="usr/bin/sipp",
    packages=("sip-tester",),
    at_least=(3, 6),
    version_words=("-v",),
)
SOX = Part(
    name="sox",
    command="sox",
    program="usr/bin/sox",
    packages=("sox", "libsox-fmt-base"),
    at_least=(14, 4),
    version_words=("--version",),
)
RHVOICE = Part(
    name="rhvoice",
    command="RHVoice-test",
    program="usr/bin/RHVoice-test",
    packages=("rhvoice", "rhvoice-russian", "rhvoice-english"),
    at_least=(),  # the program does not know its own version
    version_words=("--version",),
    environment={
        "RHVOICE_DATA_PATH": "{root}/usr/share/RHVoice",
        "RHVOICE_CONFIG_PATH": "{root}/etc/RHVoice",
    },
    complete=complete_rhvoice,
)
POSTGRESQL = Part(
    name="postgresql",
    command="postgres",
    program="usr/lib/postgresql/*/bin/postgres",
    packages=("postgresql",),
    at_least=(14,),
    version_words=("--version",),
    complete=complete_postgresql,
    off_path="usr/lib/postgresql/*/bin",
)
PROMETHEUS = Part(
    name="prometheus",
    command="prometheus",
    program="usr/bin/prometheus",
    packages=("prometheus",),
    at_least=(2, 40),
    version_words=("--version",),
    complete=complete_prometheus,
)
ALL = {part.name: part for part in (ASTERISK, SIPP, POSTGRESQL, SOX, RHVOICE, PROMETHEUS)}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of: {', '.join(ALL)}")
    parser.add_argument("--where", metavar="PART", choices=sorted(ALL), help="print a part's home as JSON")
    chosen = parser.parse_args(arguments)
    if unknown := sorted(set(chosen.parts) - set(ALL)):
        parser.error(f"unknown part {', '.join(unknown)}; there are: {', '.join(ALL)}")
    if chosen.where:
        return where(ALL[chosen.where])
    PARTS.mkdir(parents=True, exist_ok=True)
    with (PARTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        archives = Archives()
        results = [get(ALL[name], archives) for name in chosen.parts]
    return 0 if all(results) else 1


def where(part: Part) -> int:
    home = known(part)
    if home is None:
        print(f"parts: {part.name} is not here yet: run python3 tools/parts.py {part.name}", file=sys.stderr)
        return 1
    print(json.dumps(home, indent=2))
    return 0


def known(part: Part) -> Home | None:
    """The home that an earlier run found, if it still stands."""
    try:
        home: Home = json.loads((PARTS / f"{part.name}.json").read_text())
    except (OSError, ValueError):
        return None
    stands = home.get("made_from") == part.made_from() and os.access(str(home.get("binary")), os.X_OK)
    return home if stands else None


def get(part: Part, archives: Archives) -> bool:
    """Have the part, from the nearest place; False when it can't be had, which is told in one sentence."""
    if known(part) is not None:
        return True
    reasons: list[str] = []
    for attempt in (from_path, from_machine, from_release):
        try:
            home = attempt(part, archives)
        except PartError as error:
            reasons.append(str(error))
            continue
        home["made_from"] = part.made_from()
        stamp = PARTS / f"{part.name}.json"
        stamp.with_suffix(".new").write_text(json.dumps(home, indent=2) + "\n")
        stamp.with_suffix(".new").replace(stamp)
        print(f"parts: {part.name} {home['version']} ({home['origin']})", flush=True)
        return True
    print(f"parts: {sentence(part, reasons)}", file=sys.stderr)
    return False


def sentence(part: Part, reasons: list[str]) -> str:
    wanted = f"{part.name} {dotted(part.at_least)} or newer" if part.at_least else part.name
    return (
        f"{wanted} can't be had: {'; '.join(reasons)}. "
        f"Mend one of these, or install it so that `{part.command}` is on the PATH, then run this again."
    )


class Archives:
    """The places that packages come from, each opened once and only when it is needed."""

    def __init__(self) -> None:
        self._opened: dict[str, Archive | PartError] = {}

    def machine(self) -> Archive:
        return self._open("machine", lambda: Archive.of_machine(PARTS / "apt-machine"))

    def release(self) -> Archive:
        return self._open("release", self._of_release)

    @staticmethod
    def _of_release() -> Archive:
        mirror = debian_mirror(apt_sources(), os.environ)
        return Archive.of_release(RELEASE, mirror, PARTS / f"apt-{RELEASE}")

    def _open(self, name: str, make: Callable[[], Archive]) -> Archive:
        if name not in self._opened:
            try:
                archive = make()
                archive.open()
                self._opened[name] = archive
            except PartError as error:
                self._opened[name] = error
        opened = self._opened[name]
        if isinstance(opened, PartError):
            raise opened
        return opened


def from_path(part: Part, archives: Archives) -> Home:
    """The part as installed on this machine."""
    beside = sorted(map(str, Path("/").glob(part.off_path)), reverse=True) if part.off_path else []
    folders = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", *beside])
    binary = shutil.which(part.command, path=folders)
    if binary is None:
        raise PartError(f"`{part.command}` is not on the PATH")
    version = running_version(part, binary)
    if version < part.at_least:
        raise PartError(f"{binary} is of version {dotted(version)}")
    home: Home = {"binary": binary, "version": dotted(version), "origin": "installed"}
    part.complete(Path("/"), home)
    return home


def running_version(part: Part, binary: str) -> tuple[int, ...]:
    """What the program says of its own version, () if nothing; one that does not run is refused."""
    try:
        said = subprocess.run([binary, *part.version_words], check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PartError(f"{binary} does not run ({error})") from None
    version = version_of(said.stdout + said.stderr)
    if not version and (part.at_least or said.returncode != 0):
        raise PartError(f"{binary} does not run, or does not tell its version")
    return version


def from_machine(part: Part, archives: Archives) -> Home:
    return unpacked(part, archives.machine())


def from_release(part: Part, archives: Archives) -> Home:
    return unpacked(part, archives.release())


def unpacked(part: Part, archive: Archive) -> Home:
    """The part unpacked from an archive's packages: made aside, tried out, then put in place at once."""
    candidate = archive.candidate(part.packages[0])
    if candidate is None:
        raise PartError(f"no package {part.packages[0]} in {archive.name}")
    if version_of(candidate) < part.at_least:
        raise PartError(f"only {part.packages[0]} {candidate} in {archive.name}")
    print(f"parts: {part.name}: fetching {part.packages[0]} {candidate} from {archive.name} …", flush=True)
    root, aside = PARTS / part.name, PARTS / f"{part.name}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    archive.unpack(part.packages, aside)
    shutil.rmtree(root, ignore_errors=True)
    aside.rename(root)
    wrapper = PARTS / "bin" / part.command
    environment = {name: value.format(root=root) for name, value in part.environment.items()}
    write_wrapper(wrapper, root, str(found_program(part, root).relative_to(root)), environment)
    version = running_version(part, str(wrapper)) or version_of(candidate)
    home: Home = {"binary": str(wrapper), "version": dotted(version), "origin": archive.name}
    part.complete(root, home)
    return home


def found_program(part: Part, root: Path) -> Path:
    """The part's program among what was unpacked."""
    for found in sorted(root.glob(part.program)):
        return found
    raise PartError(f"the unpacked packages hold no {part.program}")


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
