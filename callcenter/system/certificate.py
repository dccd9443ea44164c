"""The certificate of the desk: what is wrong with it, in one sentence; and a first one, made here."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from callcenter.core.errors import ReadableError
from callcenter.system import files

SOON = timedelta(days=21)
"""So long before its end a certificate is about to expire: authorities renew theirs 30 days before."""
OWN_LIFETIME = timedelta(days=365)
_EARLIER = timedelta(days=1)
"""A browser whose clock is late still accepts what was just made."""
_TLS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED)

PROBLEMS = ("missing", "unusable", "expired", "not_yet_valid", "expiring", "self_signed")
"""What can be wrong with a certificate, the worst first."""


class CertificateError(ReadableError):
    """Certificate or key cannot be used or made; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be said of a certificate at a moment."""

    problem: str
    """One of `PROBLEMS`, or ''."""
    sentence: str
    """The same for people, with what to do; '' without a problem."""
    ends: datetime | None = None
    """When it expires; None if it cannot be read."""

    @property
    def fatal(self) -> bool:
        """Whether browsers get no connection with it."""
        return self.problem in ("missing", "unusable")


def judge(certificate: Path, key: Path, now: datetime) -> Judged:
    """Return what is wrong with the files, the worst first."""
    if missing := [str(file) for file in (certificate, key) if not file.exists()]:
        made = "make a first one: callcenter certificate make"
        return Judged("missing", f"The desk's certificate is missing ({' and '.join(missing)}): {made}.")
    try:
        server_context(certificate, key)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (CertificateError, OSError, ValueError) as problem:
        return Judged("unusable", f"The desk's certificate cannot be used: {problem}")
    return _of(found, certificate, now)


def _of(found: x509.Certificate, file: Path, now: datetime) -> Judged:
    ends, begins = found.not_valid_after_utc, found.not_valid_before_utc
    renew = f"put a new one into {file}, it is taken over without a restart"
    if ends <= now:
        text = f"The desk's certificate has expired on {ends:%d.%m.%Y}: browsers refuse the page; {renew}."
        return Judged("expired", text, ends)
    if begins > now:
        text = (
            f"The desk's certificate is valid only from {begins:%d.%m.%Y %H:%M} UTC on: is this machine's clock right?"
        )
        return Judged("not_yet_valid", text, ends)
    if ends - now <= SOON:
        left = (ends - now).days
        text = f"The desk's certificate expires in {left} days, on {ends:%d.%m.%Y}: {renew}."
        return Judged("expiring", text, ends)
    if found.issuer == found.subject:
        text = (
            f"The desk's certificate is self-signed (valid until {ends:%d.%m.%Y}): each browser has to be told to "
            "trust it; better one of your own authority (docs/page-phones.md)."
        )
        return Judged("self_signed", text, ends)
    return Judged("", "", ends)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a TLS server needs. Raises CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _TLS
    load(context, certificate, key)
    return context


def load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Let a server use these files from the next connection on. Raises CertificateError."""
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except FileNotFoundError:
        raise CertificateError(f"{certificate} or {key} is missing.") from None
    except ssl.SSLError as problem:
        fits = "the key is another certificate's" if "MISMATCH" in str(problem) else "no PEM files of these"
        raise CertificateError(f"{certificate} and {key}: {fits}.") from None
    except OSError as problem:
        raise CertificateError(f"{certificate} or {key} cannot be read: {problem.strerror}.") from None
    except ValueError:
        raise CertificateError(f"{key}: the key has a password; one without is needed.") from None


def _no_password() -> str:
    raise ValueError("a password is asked for")


def make(certificate: Path, key: Path, names: list[str], now: datetime) -> None:
    """Make a self-signed certificate for these host names and addresses. Raises CertificateError, also if there is one.

    It cannot sign others: whoever trusts it trusts this desk alone.
    """
    for file in (certificate, key):
        if file.exists():
            raise CertificateError(f"{file} is there already; nothing was changed.")
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + OWN_LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        for file in (certificate, key):
            file.parent.mkdir(parents=True, exist_ok=True)
        files.replace(key, secret, mode=files.PRIVATE)
        files.replace(certificate, made.public_bytes(serialization.Encoding.PEM), mode=files.PRIVATE)
    except OSError as problem:
        raise CertificateError(f"{certificate} cannot be written: {problem.strerror}.") from None


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
