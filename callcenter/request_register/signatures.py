"""Signatures of files: which file one belongs to by its name, and what was found out about it, as it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from callcenter.knowledge.text import line as one_line
from callcenter.system.signature_process import Intact, Looked, Trust

ENDINGS = frozenset({"sig", "sgn", "p7s"})
WAITS = "unchecked"
"""Nobody has looked at it yet."""
AGAIN = (Intact.NO_FILE, Intact.BROKEN, Intact.CANNOT)
"""What another file, or another program on this machine, may turn into something else."""
LONGEST = 8000
_MOST_TOLD = 200


@dataclass(frozen=True, slots=True)
class SignedBy:
    """One signer, by the certificate; cleaned. `time`: when they signed, by their own word."""

    name: str
    organisation: str
    inn: str
    ogrn: str
    time: datetime | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Signature:
    """What was found out about a signature. `of`: the name of the file that it signs; '': of none."""

    intact: Intact
    trust: Trust
    signers: tuple[SignedBy, ...]
    of: str
    inside: bool
    """What was signed lies in the signature itself."""
    checked_at: datetime
    why: str = ""

    @property
    def read(self) -> bool:
        """Whether it was a signature that can be read: the first of three words, and the least."""
        return self.intact is not Intact.UNREAD

    @property
    def names(self) -> str:
        """The signers, for one line."""
        return ", ".join(one.name or one.organisation for one in self.signers)


def is_signature(name: str) -> bool:
    """Return whether a file is a signature by the ending of its name."""
    return "." in name and name.rsplit(".", 1)[1].lower() in ENDINGS


def named_by(signature: str, names: Sequence[str]) -> int | None:
    """Return which of the names the signature's own means: 'a.pdf' for 'a.pdf.sig', else for 'a.sig'."""
    wanted = signature.rsplit(".", 1)[0].lower()
    lowered = [name.lower() for name in names]
    for place, name in enumerate(lowered):
        if name == wanted:
            return place
    stems = [place for place, name in enumerate(lowered) if "." in name and name.rsplit(".", 1)[0] == wanted]
    return stems[0] if len(stems) == 1 else None


def found(looked: Looked, of: str, at: datetime) -> Signature:
    """Return what is kept of what was found out; whatever came from outside is cleaned."""
    signers = tuple(
        SignedBy(_told(one.name), _told(one.organisation), _told(one.inn), _told(one.ogrn), one.time, one.valid_until)
        for one in looked.signers
    )
    return Signature(looked.intact, looked.trust, signers, _told(of), looked.inside, at, _told(looked.why))


def stored(signature: Signature) -> str:
    """Return it as text, for the register: never longer than `LONGEST` characters."""
    values = asdict(signature)
    text = json.dumps(values, ensure_ascii=False, default=_plain)
    while len(text) > LONGEST and values["signers"]:
        values["signers"] = values["signers"][:-1]
        text = json.dumps(values, ensure_ascii=False, default=_plain)
    return text


def loaded(text: str) -> Signature | None:
    """Return what was kept; None: nobody has looked at it yet."""
    if not text:
        return None
    values: dict[str, Any] = json.loads(text)
    return Signature(
        Intact(values["intact"]),
        Trust(values["trust"]),
        tuple(_signer(one) for one in values["signers"]),
        values["of"],
        values["inside"],
        datetime.fromisoformat(values["checked_at"]),
        values["why"],
    )


def _signer(values: dict[str, Any]) -> SignedBy:
    moments = {part: datetime.fromisoformat(values[part]) if values[part] else None for part in _MOMENTS}
    return SignedBy(**values | moments)


_MOMENTS: Iterable[str] = ("time", "valid_until")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else list(value)


def _told(text: str) -> str:
    return one_line(text)[:_MOST_TOLD]
