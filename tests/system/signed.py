"""Signatures for tests, made by openssl as customers' programs make them: an authority, people, what was revoked."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from asn1crypto import pem, x509

WRITTEN = b"%PDF-1.4\nA contract.\r\nWith bytes of all kinds: \x00\xff\n"
HEAD = "/CN=ООО Ромашка/O=ООО Ромашка/SN=Иванова/GN=Анна Петровна/innOfBody=5902290000/OGRN=1025900000001"
_CONFIGURATION = """
oid_section = ids
[ids]
innOfBody = 1.2.643.100.4
[req]
distinguished_name = name
[name]
[ca]
default_ca = ours
[ours]
database = index.txt
crlnumber = number
certificate = authority.pem
private_key = authority.key
default_md = {digest}
default_crl_days = 900
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[person]
basicConstraints = CA:false
keyUsage = critical,digitalSignature,nonRepudiation
"""


def has_gost() -> bool:
    """Whether this machine's openssl has the engine for GOST."""
    done = subprocess.run(["openssl", "engine", "gost"], capture_output=True, text=True, check=False)
    return "(gost)" in done.stdout


@dataclass(frozen=True)
class Authority:
    """An authority, with its files in a folder. `gost`: its keys are of GOST R 34.10-2012; else RSA."""

    folder: Path
    gost: bool = False

    @classmethod
    def new(cls, folder: Path, *, gost: bool = False) -> Authority:
        """Make one that has revoked nothing: `roots` has its certificate, `revoked` its list."""
        made = cls(folder, gost)
        for one in (folder, made.roots, made.revoked):
            one.mkdir(parents=True)
        (folder / "openssl.cnf").write_text(_CONFIGURATION.format(digest=made.digest))
        (folder / "index.txt").touch()
        (folder / "number").write_text("01\n")
        made.openssl("req", "-x509", *made.key("authority"), "-out", "authority.pem", "-days", "3650",
                     "-subj", "/CN=УЦ", "-extensions", "root", f"-{made.digest}", "-utf8", configured=True)  # fmt: skip
        (made.roots / "authority.crt").write_bytes((folder / "authority.pem").read_bytes())
        made.publish()
        return made

    @property
    def digest(self) -> str:
        return "md_gost12_256" if self.gost else "sha256"

    @property
    def roots(self) -> Path:
        return self.folder / "roots"

    @property
    def revoked(self) -> Path:
        return self.folder / "revoked"

    @property
    def now(self) -> datetime:
        """A moment at which all of it is in force: openssl has the machine's date, and the tests have others."""
        _, _, der = pem.unarmor((self.folder / "authority.pem").read_bytes())
        begun: datetime = x509.Certificate.load(der)["tbs_certificate"]["validity"]["not_before"].native
        return begun + timedelta(hours=1)

    def person(self, name: str, subject: str = HEAD, *, bits: int = 2048) -> str:
        """Make a key and a certificate, for a year."""
        self.openssl("req", "-new", *self.key(name, bits), "-out", f"{name}.csr", "-subj", subject, "-utf8",
                     f"-{self.digest}", configured=True)  # fmt: skip
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey", "authority.key",
                     "-CAcreateserial", "-out", f"{name}.pem", "-days", "365", "-extfile", "openssl.cnf",
                     "-extensions", "person", f"-{self.digest}")  # fmt: skip
        return name

    def revoke(self, name: str) -> None:
        self.openssl("ca", "-revoke", f"{name}.pem", configured=True)
        self.publish()

    def publish(self) -> None:
        """Write the list of what is revoked."""
        self.openssl("ca", "-gencrl", "-out", "revoked/ours.crl", configured=True)

    def sign(
        self,
        *names: str,
        content: bytes = WRITTEN,
        form: str = "DER",
        inside: bool = False,
        digest: str = "",
        certificates: bool = True,
    ) -> bytes:
        """Return a signature of these people. `inside`: the content lies in it."""
        (self.folder / "content").write_bytes(content)
        whose = [word for name in names for word in ("-signer", f"{name}.pem", "-inkey", f"{name}.key")]
        self.openssl("cms", "-sign", "-binary", "-in", "content", "-outform", form, "-out", "signature",
                     "-md", digest or self.digest, *whose, *(["-nodetach"] if inside else []),
                     *([] if certificates else ["-nocerts"]))  # fmt: skip
        return (self.folder / "signature").read_bytes()

    def key(self, name: str, bits: int = 2048) -> list[str]:
        kind = ["gost2012_256", "-pkeyopt", "paramset:A"] if self.gost else [f"rsa:{bits}"]
        return ["-newkey", *kind, "-nodes", "-keyout", f"{name}.key"]

    def openssl(self, command: str, *words: str, configured: bool = False) -> None:
        config = ["-config", "openssl.cnf"] if configured else []
        engine = ["-engine", "gost"] if self.gost else []
        subprocess.run(["openssl", command, *config, *words, *engine], cwd=self.folder, check=True, capture_output=True)
