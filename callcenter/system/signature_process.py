"""Looks at one signature in a process of its own: what is in it comes from strangers, and openssl is a large program.

The process has a time, a memory and an answer that end; its openssl gets files by their paths, never a shell, and
reaches no network: whom to trust and what was revoked is read from folders.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from asn1crypto import pem, x509

from callcenter.system import cms

WITHIN = 30.0
"""Seconds for one signature, with all files that it is tried with."""
LONGEST = 30_000_000
"""Bytes of a signature: what was signed may lie in it."""
MOST_FILES = 10
"""How many files a signature is tried with."""
_LONGEST_ANSWER = 64_000
_MEMORY, _CPU, _LARGEST_FILE = 1_000_000_000, 25, 300_000_000
_NICE = 10
_ROOT = Path(__file__).resolve().parents[2]
_ENDINGS = frozenset({".pem", ".crt", ".cer", ".der", ".crl"})
_MOST_CONFIGURED, _MOST_BYTES = 1000, 200_000_000
_HANDED_ON = ("PATH", "OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES", "LD_LIBRARY_PATH")
_ALTERED = re.compile(r"^\w+:error:.*:verification failure:", re.M)
"""Openssl has computed it, and it is not the same. Any other failure means that it has not come so far."""
_AT_DEPTH = re.compile(r"^error (\d+) at \d+ depth", re.M)


class Intact(StrEnum):
    """Whether a file is what was signed, with the key of this certificate."""

    INTACT = "intact"
    BROKEN = "broken"
    """It is not what was signed."""
    NO_FILE = "no_file"
    """It fits none of the files beside it, and none has its name."""
    WEAK = "weak"
    """Made with a method that proves nothing any more."""
    CANNOT = "cannot"
    """It cannot be checked here: an unknown method, or no engine for GOST."""
    UNREAD = "unread"
    """It is no signature that can be read."""


class Trust(StrEnum):
    """Whether the certificate is one of an authority that we know, valid, and not revoked."""

    TRUSTED = "trusted"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    REFUSED = "refused"
    """The chain is not in order."""
    NO_ROOT = "no_root"
    """Unknown: it leads to no authority that we know."""
    NO_LIST = "no_list"
    """Unknown: there is no list of revoked certificates in force."""
    UNKNOWN = "unknown"
    """Nobody asked, because the signature itself is not intact, or openssl has not said."""


_BY_ERROR: Mapping[int, Trust] = {
    2: Trust.NO_ROOT, 18: Trust.NO_ROOT, 19: Trust.NO_ROOT, 20: Trust.NO_ROOT, 21: Trust.NO_ROOT, 27: Trust.NO_ROOT,
    3: Trust.NO_LIST, 11: Trust.NO_LIST, 12: Trust.NO_LIST, 33: Trust.NO_LIST, 35: Trust.NO_LIST, 44: Trust.NO_LIST,
    9: Trust.NOT_YET, 10: Trust.EXPIRED, 23: Trust.REVOKED,
}  # fmt: skip
"""By openssl's number of the error (x509_vfy.h)."""
_WORST = (Trust.REVOKED, Trust.REFUSED, Trust.EXPIRED, Trust.NOT_YET, Trust.NO_ROOT, Trust.NO_LIST, Trust.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed, by the certificate. `time`: when, by their own word. From outside: to be cleaned."""

    name: str
    organisation: str
    inn: str
    ogrn: str
    time: datetime | None
    valid_from: datetime | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found out about a signature. `fits`: the place of the file among those it was tried with; None: none."""

    intact: Intact
    trust: Trust = Trust.UNKNOWN
    signers: tuple[Signer, ...] = ()
    fits: int | None = None
    inside: bool = False
    """What was signed lies in the signature itself."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class SignatureProcess:
    """How signatures are looked at. `roots`, `revoked`: folders of certificates and of lists (CRL); None: none."""

    roots: Path | None = None
    revoked: Path | None = None
    within: float = WITHIN

    async def look(self, signature: Path, named: Path | None, beside: Sequence[Path], at: datetime) -> Looked:
        """Look at a signature, and try it with the file that has its name and with those beside it. Nothing raises.

        `at`: the moment at which certificates and lists have to be in force.
        """
        tried = list(dict.fromkeys([*([named] if named else []), *beside]))[:MOST_FILES]
        question = {
            "signature": str(signature),
            "files": [str(one) for one in tried],
            "named": named is not None,
            "roots": str(self.roots or ""),
            "revoked": str(self.revoked or ""),
            "at": int(at.timestamp()),
        }
        try:
            folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="signature-")
        except OSError as problem:
            return Looked(Intact.CANNOT, why=problem.strerror or "no folder")
        try:
            async with asyncio.timeout(self.within):
                return _understood(await _ask(question | {"folder": folder.name}))
        except TimeoutError:
            return Looked(Intact.CANNOT, why=f"not done within {self.within:g} s")
        except (OSError, ValueError, KeyError, TypeError) as problem:
            return Looked(Intact.CANNOT, why=f"the process that looked at it has failed ({type(problem).__name__})")
        finally:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(folder.cleanup)


async def _ask(question: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=_ROOT,
        env={name: os.environ[name] for name in _HANDED_ON if name in os.environ} | {"LC_ALL": "C.UTF-8"},
        start_new_session=True,  # so that its openssl ends with it
    )  # fmt: skip
    try:
        if process.stdin is None or process.stdout is None:
            raise OSError("the process has no pipes")
        process.stdin.write(json.dumps(question).encode())
        process.stdin.close()
        answer = b""
        while piece := await process.stdout.read(_LONGEST_ANSWER):
            answer += piece
            if len(answer) > _LONGEST_ANSWER:
                raise ValueError("it says too much")
        found: dict[str, Any] = json.loads(answer)
        return found
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _understood(answer: dict[str, Any]) -> Looked:
    signers = tuple(
        Signer(
            str(one["name"]),
            str(one["organisation"]),
            str(one["inn"]),
            str(one["ogrn"]),
            _moment(one["time"]),
            _moment(one["valid_from"]),
            _moment(one["valid_until"]),
        )
        for one in answer["signers"]
    )
    fits = answer["fits"]
    return Looked(
        Intact(answer["intact"]),
        Trust(answer["trust"]),
        signers,
        int(fits) if fits is not None else None,
        bool(answer["inside"]),
        str(answer["why"])[:200],
    )


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# -- in the process --------------------------------------------------------------------------------------------------


def main() -> None:
    """Run in the process: one question in, one answer out."""
    with contextlib.suppress(OSError):  # a service may be forbidden to change priorities
        os.nice(_NICE)
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _CPU),
        (resource.RLIMIT_FSIZE, _LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    asked = json.load(sys.stdin)
    json.dump(answer_to(asked), sys.stdout)


def answer_to(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is found out, for JSON."""
    try:
        found = cms.read(_content(Path(asked["signature"])))
    except (cms.NoSignature, OSError, MemoryError, RecursionError) as problem:
        return _told(Looked(Intact.UNREAD, why=str(problem)[:200] or type(problem).__name__))
    at = Work(Path(asked["folder"]), found, int(asked["at"]))
    files = [Path(one) for one in asked["files"]]
    intact, fits, why = at.intact(files, named=bool(asked["named"]))
    if intact is Intact.INTACT and found.weak:
        intact = Intact.WEAK
    trust = Trust.UNKNOWN
    if intact is Intact.INTACT:
        trust = at.trust(asked["roots"], asked["revoked"])
    return _told(Looked(intact, trust, at.signers(), fits, found.inside is not None, why))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise cms.NoSignature(f"it is larger than {LONGEST // 1_000_000} MB")
    return content


def _told(looked: Looked) -> dict[str, Any]:
    signers = [
        {
            part: (value.isoformat() if isinstance(value, datetime) else value or "")
            for part in Signer.__dataclass_fields__
            for value in (getattr(one, part),)
        }
        for one in looked.signers
    ]
    return {
        "intact": looked.intact.value,
        "trust": looked.trust.value,
        "signers": signers,
        "fits": looked.fits,
        "inside": looked.inside,
        "why": looked.why,
    }


class Work:
    """Openssl at work on one signature, in a folder that is removed afterwards."""

    def __init__(self, folder: Path, found: cms.SignatureFile, at: int) -> None:
        self._folder = folder
        self._found = found
        self._at = at
        self._signature = folder / "signature.der"
        self._used = folder / "signers.pem"
        self._signature.write_bytes(found.der)

    def intact(self, files: Sequence[Path], *, named: bool) -> tuple[Intact, int | None, str]:
        """Return whether one of the files was signed, which one, and openssl's words if it does not know."""
        if self._found.inside is not None:
            answer, why = self._verified(None)
            digest = hashlib.sha256(self._found.inside).digest()
            same = (place for place, one in enumerate(files) if _digest(one) == digest)
            return answer, next(same, None), why
        if not files:
            return Intact.NO_FILE, None, ""
        for place, one in enumerate(files):
            answer, why = self._verified(one)
            if answer is Intact.INTACT:
                return answer, place, ""
            if answer is Intact.CANNOT:  # it will not be known for another file either
                return answer, None, why
        return (Intact.BROKEN, 0, "") if named else (Intact.NO_FILE, None, "")

    def trust(self, roots: str, revoked: str) -> Trust:
        """Return what is known of the certificates with which it was really verified; the worst of several."""
        known, between = self._authorities(roots)
        if not known:
            return Trust.NO_ROOT
        lists = self._lists(revoked)
        found = [self._trust_of(place, one, known, between, lists) for place, one in enumerate(self._certificates())]
        return min(found, key=lambda one: _WORST.index(one) if one in _WORST else len(_WORST), default=Trust.UNKNOWN)

    def signers(self) -> tuple[Signer, ...]:
        """Return who signed: by the certificates with which openssl has verified it, if it has."""
        used = self._certificates()
        of_used = {one: cms.subject_of(one) for one in used}
        return tuple(
            _signer(of_used.get(one.certificate, one.subject), one)
            for one in self._found.signers
            if not used or one.certificate in of_used
        )

    def _verified(self, content: Path | None) -> tuple[Intact, str]:
        beside = ["-content", str(content)] if content is not None else []
        done = _openssl(
            "cms", "-verify", "-binary", "-noverify", "-inform", "DER", "-in", str(self._signature), *beside,
            "-out", os.devnull, "-signer", str(self._used), *self._engine,
        )  # fmt: skip
        if done.returncode == 0:
            return Intact.INTACT, ""
        if _ALTERED.search(done.stderr):
            return Intact.BROKEN, ""
        return Intact.CANNOT, _last_reason(done.stderr)

    @property
    def _engine(self) -> list[str]:
        return ["-engine", "gost"] if self._found.gost else []

    def _certificates(self) -> list[bytes]:
        if not self._used.exists():
            return []
        return [der for _, _, der in pem.unarmor(self._used.read_bytes(), multiple=True)]

    def _trust_of(self, place: int, certificate: bytes, known: Path, between: Path, lists: Path | None) -> Trust:
        path = self._folder / f"signer-{place}.pem"
        path.write_bytes(pem.armor("CERTIFICATE", certificate))
        done = _openssl(
            "verify", "-no-CAfile", "-no-CApath", "-no-CAstore", "-attime", str(self._at), "-crl_check_all",
            "-CAfile", str(known), "-untrusted", str(between), *(["-CRLfile", str(lists)] if lists else []),
            *self._engine, str(path),
        )  # fmt: skip
        if done.returncode == 0:
            return Trust.TRUSTED
        numbers = [int(one) for one in _AT_DEPTH.findall(done.stdout + done.stderr)]
        found = [_BY_ERROR.get(one, Trust.REFUSED) for one in numbers]
        return min(found, key=_WORST.index, default=Trust.UNKNOWN)

    def _authorities(self, folder: str) -> tuple[Path | None, Path]:
        """Return a file of those that vouch for themselves, and one of all others: ours, and the signature's own."""
        known, between = self._folder / "roots.pem", self._folder / "between.pem"
        roots: list[bytes] = []
        others = list(self._found.certificates)
        for der in _configured(folder, "CERTIFICATE"):
            try:
                certificate = x509.Certificate.load(der, strict=True)
                own = certificate.subject.dump() == certificate.issuer.dump()
            except (ValueError, TypeError, KeyError):
                continue
            (roots if own else others).append(der)
        between.write_bytes(b"".join(pem.armor("CERTIFICATE", one) for one in others))
        known.write_bytes(b"".join(pem.armor("CERTIFICATE", one) for one in roots))
        return (known if roots else None), between

    def _lists(self, folder: str) -> Path | None:
        found = list(_configured(folder, "X509 CRL"))
        path = self._folder / "revoked.pem"
        path.write_bytes(b"".join(pem.armor("X509 CRL", one) for one in found))
        return path if found else None


def _signer(subject: cms.Subject, one: cms.SignedBy) -> Signer:
    return Signer(
        subject.name, subject.organisation, subject.inn, subject.ogrn, one.time, one.valid_from, one.valid_until
    )


def _openssl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["openssl", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _configured(folder: str, kind: str) -> Iterator[bytes]:
    """Yield what lies in a folder of ours, as DER."""
    if not folder or not Path(folder).is_dir():
        return
    total = 0
    for path in sorted(Path(folder).iterdir())[:_MOST_CONFIGURED]:
        if path.suffix.lower() not in _ENDINGS or not path.is_file():
            continue
        content = path.read_bytes()
        total += len(content)
        if total > _MOST_BYTES:
            return
        if not pem.detect(content):
            yield content
            continue
        with contextlib.suppress(ValueError):
            for named, _, der in pem.unarmor(content, multiple=True):
                if named == kind:
                    yield der


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def _last_reason(said: str) -> str:
    lines = [line for line in said.splitlines() if "error:" in line]
    return lines[-1].split("error:", 1)[1].split(":../", 1)[0][:150] if lines else "openssl has failed"


if __name__ == "__main__":
    main()
