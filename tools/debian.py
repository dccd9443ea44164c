"""Packages of Debian or Ubuntu for one folder, without root: found, checked, downloaded, unpacked, run.

apt does the finding, the signature checks and the downloading, with lists and caches of its own and an
empty status file, so that it resolves a package's whole closure and never touches this system. The programs
then run by the C library and loader that came with them, whatever the host's are. Standard library only.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

APT_FOLDER = Path("/etc/apt")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR_VARIABLE = "CALLCENTER_DEBIAN_MIRROR"
DEBIAN_RELEASES = frozenset(
    {"bullseye", "bookworm", "trixie", "forky", "duke", "sid", "oldstable", "stable", "testing", "unstable"}
)
#: machine() → (Debian's multiarch folder, the loader's name)
PLATFORMS = {
    "x86_64": ("x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "aarch64": ("aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
}


class PartError(Exception):
    """A part can't be had from here; the text is a clause that says why and, where known, what to do."""


@dataclass(frozen=True)
class Source:
    """One line of apt's sources: where, which releases, which components."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


def apt_sources(folder: Path = APT_FOLDER) -> list[Source]:
    """All enabled binary sources of the machine, in both of apt's formats."""
    one_line = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]
    found = [source for path in one_line if path.is_file() for source in parse_list(path.read_text("utf-8", "replace"))]
    for path in sorted((folder / "sources.list.d").glob("*.sources")):
        found += parse_deb822(path.read_text("utf-8", "replace"))
    return found


def parse_list(text: str) -> Iterator[Source]:
    """The one-line format: `deb [options] uri suite component …`."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^]]*]\s+)?(\S+)\s+(\S+)([^#]*)", line)
        if match:
            uri, suite, components = match.groups()
            yield Source(uri, (suite,), tuple(components.split()))


def parse_deb822(text: str) -> Iterator[Source]:
    """The stanza format of `*.sources`; several URIs in a stanza are several sources."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = {
            name.lower(): value.split()
            for name, value in re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE)
        }
        if "deb" not in fields.get("types", []) or fields.get("enabled", ["yes"])[0].lower() in (
            "no",
            "false",
        ):
            continue
        for uri in fields.get("uris", []):
            yield Source(uri, tuple(fields.get("suites", [])), tuple(fields.get("components", [])))


def debian_mirror(sources: Iterable[Source], environment: Mapping[str, str]) -> str:
    """The Debian mirror to ask for releases other than this machine's own."""
    if named := environment.get(MIRROR_VARIABLE, "").strip():
        return named
    for source in sources:
        if "main" in source.components and DEBIAN_RELEASES.intersection(source.suites):
            return source.uri
    raise PartError(f"this machine's apt sources name no Debian mirror (name one: {MIRROR_VARIABLE}=http://…/debian)")


def version_of(text: str) -> tuple[int, ...]:
    """The first version in what a program or package says of itself: `1:22.10.1~dfsg` → (22, 10, 1)."""
    match = re.search(r"(?<![\w.])(?:\d+:)?v?(\d+(?:\.\d+)+)", text) or re.search(r"(\d+)", text)
    return tuple(int(number) for number in match.group(1).split(".")) if match else ()


def multiarch() -> str:
    return _platform()[0]


def _platform() -> tuple[str, str]:
    try:
        return PLATFORMS[platform.machine()]
    except KeyError:
        raise PartError(f"packages are fetched for amd64 and arm64 only, not {platform.machine()}") from None


class Archive:
    """One place that packages come from: the machine's own apt sources, or one Debian release at a mirror."""

    def __init__(self, name: str, folder: Path, line: str | None = None) -> None:
        """`line`: the source in apt's one-line format; None means the machine's own sources."""
        self.name = name
        self._folder = folder
        self._line = line
        self._options: list[str] = []

    @classmethod
    def of_machine(cls, folder: Path) -> Archive:
        return cls("this machine's apt sources", folder)

    @classmethod
    def of_release(cls, release: str, mirror: str, folder: Path) -> Archive:
        if not KEYRING.is_file():
            raise PartError(f"Debian's signing keys are missing at {KEYRING} (apt-get install debian-archive-keyring)")
        return cls(f"Debian {release}", folder, f"deb [signed-by={KEYRING}] {mirror} {release} main non-free\n")

    def open(self) -> None:
        """Fetch the lists of packages; apt checks their signatures."""
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise PartError("it is fetched with apt-get and dpkg-deb, which this machine lacks")
        for part in ("state/lists/partial", "cache/archives/partial"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        (self._folder / "status").write_text("")
        options = {
            "Dir::State": self._folder / "state",
            "Dir::State::status": self._folder / "status",
            "Dir::Cache": self._folder / "cache",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",  # else apt as root tries to hand our folder to a user of its own
            "Acquire::Retries": "3",
            "Acquire::Languages": "none",
        }
        if self._line is not None:
            (self._folder / "sources.list").write_text(self._line)
            options |= {"Dir::Etc::sourcelist": self._folder / "sources.list", "Dir::Etc::sourceparts": "-"}
        self._options = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        self._update()

    def _update(self) -> None:
        if self._line is None:
            # Some third party's source may fail; what matters is whether the wanted package is found.
            self._apt("apt-get", "update", "-qq")
            return
        self._options += [
            "-o",
            "APT::Update::Error-Mode=any",
        ]  # else a mirror that is down passes for a warning
        dated = ("-o", "Acquire::Check-Date=true", "-o", "Acquire::Check-Valid-Until=true")
        strict = self._apt("apt-get", "update", "-qq", *dated)
        if strict.returncode == 0:
            return
        if "expired" not in strict.stderr:
            raise PartError(f"{self.name} could not be read ({_last_line(strict.stderr)})")
        # A mirror that stands still serves lists past their date. They are signed all the same.
        print(
            f"parts: {self.name} at this mirror is past its date; used anyway, signatures are checked",
            flush=True,
        )
        self._options += ["-o", "Acquire::Check-Valid-Until=false"]
        lenient = self._apt("apt-get", "update", "-qq")
        if lenient.returncode != 0:
            raise PartError(f"{self.name} could not be read ({_last_line(lenient.stderr)})")

    def candidate(self, package: str) -> str | None:
        """The version that would be installed, or None."""
        policy = self._apt("apt-cache", "policy", package).stdout
        match = re.search(r"Candidate: (\S+)", policy)
        return None if match is None or match.group(1) == "(none)" else match.group(1)

    def unpack(self, packages: Sequence[str], root: Path) -> None:
        """Download the packages with all they depend on, and unpack them into the folder `root`."""
        for left_over in (self._folder / "cache/archives").glob("*.deb"):
            left_over.unlink()
        fetched = self._apt("apt-get", "install", "-qq", "--yes", "--download-only", *packages)
        if fetched.returncode != 0:
            raise PartError(f"{self.name} could not deliver it ({_last_line(fetched.stderr)})")
        root.mkdir(parents=True)
        debs = sorted((self._folder / "cache/archives").glob("*.deb"))
        for deb in sorted(debs, key=lambda deb: not deb.name.startswith("base-files_")):  # it lays the links
            unpacked = subprocess.run(
                ["dpkg-deb", "-x", str(deb), str(root)], check=False, capture_output=True, text=True
            )
            if unpacked.returncode != 0:
                raise PartError(f"{deb.name} could not be unpacked ({_last_line(unpacked.stderr)})")
        for deb in debs:
            deb.unlink()

    def _apt(self, *command: str) -> subprocess.CompletedProcess[str]:
        words = [command[0], *self._options, *command[1:]]
        environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.run(words, check=False, capture_output=True, text=True, env=environment)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:")]
    return (errors or lines or ["no message"])[0].strip()


def write_wrapper(
    wrapper: Path, root: Path, program: str, environment: Mapping[str, str], *, as_itself: bool = False
) -> None:
    """A small script that runs `program` of the unpacked `root` by its own loader and libraries.

    `as_itself`: the program believes that it lies where the wrapper does, and finds its neighbours there.
    """
    triplet, loader_name = _platform()
    folders = [root / "usr/lib" / triplet, root / "lib" / triplet, root / "usr/lib", root / "lib"]
    loaders = [
        path / loader_name for path in (root / "usr/lib64", root / "lib64", *folders) if (path / loader_name).exists()
    ]
    if not loaders or not (root / program).exists():
        raise PartError(f"the unpacked packages hold no {program} with a loader of its own")
    extra = [path for path in (folders[0] / "pulseaudio",) if path.is_dir()]
    path = ":".join(str(folder) for folder in [*folders[:2], *extra] if folder.is_dir())
    settings = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    words = [str(loaders[0]), *(("--argv0", str(wrapper)) if as_itself else ()), "--library-path", path]
    words.append(str(root / program))
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(f'#!/bin/sh\n{settings}exec {shlex.join(words)} "$@"\n')
    wrapper.chmod(0o755)
