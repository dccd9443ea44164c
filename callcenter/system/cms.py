"""Reads signatures that lie beside a file (CMS, RFC 5652; CAdES): who signed, with what, and when by their own word.

Nothing here says that a signature is right. What is read comes from strangers: it is read in a process that may be
killed (`signature_process`), and whoever shows it cleans it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, core, pem, x509

MOST_SIGNERS, MOST_CERTIFICATES = 10, 50
_LONGEST_VALUE = 200
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]+")
_NAMES: Mapping[str, str] = {
    "2.5.4.3": "name",
    "2.5.4.4": "surname",
    "2.5.4.42": "given",
    "2.5.4.10": "organisation",
    "1.2.643.3.131.1.1": "inn",
    "1.2.643.100.4": "inn_of_body",
    "1.2.643.100.1": "ogrn",
    "1.2.643.100.5": "ogrnip",
}
"""What is read of a subject: the last ones by order 795 of the FSB."""
_WEAK_DIGESTS = frozenset({"md2", "md4", "md5", "sha1", "1.2.643.2.2.9"})
"""Whoever wants can make two files with the same digest. The last one: GOST R 34.11-94."""
_SHORTEST_RSA = 2048
GOST = "1.2.643."


class NoSignature(Exception):
    """These bytes are no signature that can be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names. Each part is '' if it is not there."""

    name: str = ""
    organisation: str = ""
    inn: str = ""
    ogrn: str = ""


@dataclass(frozen=True, slots=True)
class SignedBy:
    """One signer. `time`: when they say that they signed; nobody vouches for it."""

    subject: Subject
    time: datetime | None
    certificate: bytes
    """DER; b'' if the signature does not bring it along."""
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignatureFile:
    """A signature as it was read."""

    der: bytes
    signers: tuple[SignedBy, ...]
    certificates: tuple[bytes, ...]
    """All that it brings along, DER."""
    inside: bytes | None
    """What was signed, if it lies in the signature itself and not beside it."""
    weak: bool
    """Whether it is made with a method that protects nothing any more."""
    gost: bool


def read(content: bytes) -> SignatureFile:
    """Return what a signature says, DER or PEM or bare base64. Raises `NoSignature`."""
    der = _der(content)
    try:
        return _read(der)
    except NoSignature:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, MemoryError) as problem:
        raise NoSignature(f"it cannot be taken apart ({type(problem).__name__})") from None


def subject_of(certificate: bytes) -> Subject:
    """Return whom a certificate (DER) names. Raises ValueError and the like for what is none."""
    found: dict[str, str] = {}
    for part in x509.Certificate.load(certificate, strict=True).subject.chosen:
        for one in part:
            if (known := _NAMES.get(one["type"].dotted)) and known not in found:
                found[known] = _text(one["value"])
    person = " ".join(filter(None, (found.get("surname", ""), found.get("given", ""))))
    inn = found.get("inn_of_body") or found.get("inn", "")
    if len(inn) == 12 and inn.startswith("00"):  # of a body, in twelve digits
        inn = inn[2:]
    return Subject(
        person or found.get("name", ""),
        found.get("organisation", "") or (found.get("name", "") if person else ""),
        inn,
        found.get("ogrn") or found.get("ogrnip", ""),
    )


def _der(content: bytes) -> bytes:
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    if content[:1] == b"0" and not _BASE64.fullmatch(content[:64]):
        return content
    try:
        if text.startswith(b"-----BEGIN "):
            _, _, der = pem.unarmor(text)
            return bytes(der)
        if text and _BASE64.fullmatch(text):
            return base64.b64decode(text, validate=False)
    except (ValueError, TypeError):
        raise NoSignature("its text is no base64") from None
    raise NoSignature("it is neither DER nor base64")


def _read(der: bytes) -> SignatureFile:
    info = cms.ContentInfo.load(der)
    if info["content_type"].native != "signed_data":
        raise NoSignature("it is a CMS of another kind")
    signed = info["content"]
    certificates = list(_certificates(signed))
    infos = list(signed["signer_infos"])
    if not infos:
        raise NoSignature("nobody has signed it")
    if len(infos) > MOST_SIGNERS:
        raise NoSignature(f"it has {len(infos)} signers, and at most {MOST_SIGNERS} are looked at")
    inside = signed["encap_content_info"]["content"]
    digests = {word for one in infos for word in _words(one["digest_algorithm"]["algorithm"])}
    methods = {word for one in infos for word in _words(one["signature_algorithm"]["algorithm"])}
    of_signers = tuple(_signer(one, certificates) for one in infos)
    return SignatureFile(
        der=der,
        signers=of_signers,
        certificates=tuple(one.dump() for one in certificates),
        inside=_inside(inside),
        weak=bool(_WEAK_DIGESTS & digests) or any(_short(one.certificate) for one in of_signers if one.certificate),
        gost=any(one.startswith(GOST) for one in digests | methods),
    )


def _words(algorithm: Any) -> tuple[str, str]:
    return algorithm.native, algorithm.dotted


def _inside(content: Any) -> bytes | None:
    if isinstance(content, core.Void) or content.native is None:
        return None
    return content.native if isinstance(content.native, bytes) else bytes(content.contents or b"")


def _certificates(signed: Any) -> Iterator[x509.Certificate]:
    if isinstance(signed["certificates"], core.Void):
        return
    for place, one in enumerate(signed["certificates"]):
        if place >= MOST_CERTIFICATES:
            raise NoSignature(f"it brings more than {MOST_CERTIFICATES} certificates")
        if one.name == "certificate":
            yield one.chosen


def _signer(info: Any, certificates: list[x509.Certificate]) -> SignedBy:
    time = _time(info)
    whose = next((one for one in certificates if _is_of(info["sid"], one)), None)
    if whose is None:
        return SignedBy(Subject(), time, b"")
    valid = whose["tbs_certificate"]["validity"]
    return SignedBy(
        subject_of(whose.dump()), time, whose.dump(), _moment(valid["not_before"]), _moment(valid["not_after"])
    )


def _is_of(sid: Any, certificate: x509.Certificate) -> bool:
    if sid.name == "issuer_and_serial_number":
        tbs = certificate["tbs_certificate"]
        same = sid.chosen["serial_number"].native == tbs["serial_number"].native
        return bool(same and sid.chosen["issuer"].dump() == tbs["issuer"].dump())
    return bool(sid.chosen.native == certificate.key_identifier)


def _time(info: Any) -> datetime | None:
    if isinstance(info["signed_attrs"], core.Void):
        return None
    for attribute in info["signed_attrs"]:
        if attribute["type"].native == "signing_time" and len(attribute["values"]):
            return _moment(attribute["values"][0])
    return None


def _moment(time: Any) -> datetime | None:
    try:
        found = time.native
    except (ValueError, OverflowError):
        return None
    return found.astimezone(UTC) if isinstance(found, datetime) and found.tzinfo else None


def _short(certificate: bytes) -> bool:
    key = x509.Certificate.load(certificate)["tbs_certificate"]["subject_public_key_info"]
    try:
        return bool(key["algorithm"]["algorithm"].native == "rsa" and key.bit_size < _SHORTEST_RSA)
    except KeyError:  # a key of a kind that asn1crypto does not take apart, such as GOST
        return False


def _text(value: Any) -> str:
    if isinstance(value, core.Any):
        value = value.parse()
    return str(value.native)[:_LONGEST_VALUE] if isinstance(value.native, str) else ""
