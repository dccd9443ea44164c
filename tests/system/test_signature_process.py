"""Signatures beside files: what a real openssl says of real ones, and what is made of those that are none."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import core

from callcenter.system import cms
from callcenter.system.signature_process import LONGEST, Intact, Looked, SignatureProcess, Trust
from tests.system.signed import WRITTEN, Authority, has_gost
from tests.wall import MONDAY_NOON as AT

needs_gost = pytest.mark.skipif(not has_gost(), reason="openssl has no engine for GOST (libengine-gost-openssl)")
PLAIN, GOST = "rsa", pytest.param("gost", marks=needs_gost)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Authority]:
    made = {PLAIN: Authority.new(tmp_path_factory.mktemp("rsa") / "ca")}
    if has_gost():
        made["gost"] = Authority.new(tmp_path_factory.mktemp("gost") / "ca", gost=True)
    for one in made.values():
        one.person("anna")
    return made


@pytest.fixture
def rsa(authorities: dict[str, Authority]) -> Authority:
    return authorities[PLAIN]


async def looked(
    folder: Path,
    signature: bytes,
    by: Authority | None = None,
    written: bytes = WRITTEN,
    *,
    named: bool = True,
    beside: tuple[bytes, ...] = (),
    after: timedelta = timedelta(),
    within: float = 30.0,
) -> Looked:
    """Look at a signature as the desk has it looked at. `by`: the authority that is trusted."""
    (folder / "signature").write_bytes(signature)
    (folder / "written").write_bytes(written)
    others = []
    for place, one in enumerate(beside):
        others.append(folder / f"other-{place}")
        others[-1].write_bytes(one)
    process = SignatureProcess(by.roots, by.revoked, within) if by else SignatureProcess(within=within)
    at = (by.now if by else AT) + after
    return await process.look(folder / "signature", folder / "written" if named else None, others, at)


@pytest.mark.parametrize("kind", [PLAIN, GOST])
@pytest.mark.parametrize("form", ["DER", "PEM", "base64"])
async def test_a_signature_is_read_intact_and_trusted(
    authorities: dict[str, Authority], tmp_path: Path, kind: str, form: str
) -> None:
    by = authorities[kind]
    signature = by.sign("anna", form="DER" if form == "base64" else form)
    if form == "base64":
        signature = base64.encodebytes(signature)
    found = await looked(tmp_path, signature, by)
    assert (found.intact, found.trust, found.fits, found.inside) == (Intact.INTACT, Trust.TRUSTED, 0, False)
    [signer] = found.signers
    assert (signer.name, signer.organisation) == ("Иванова Анна Петровна", "ООО Ромашка")
    assert (signer.inn, signer.ogrn) == ("5902290000", "1025900000001")
    assert signer.time is not None
    assert signer.valid_until is not None


@pytest.mark.parametrize("kind", [PLAIN, GOST])
async def test_a_file_that_was_changed_is_not_what_was_signed(
    authorities: dict[str, Authority], tmp_path: Path, kind: str
) -> None:
    by = authorities[kind]
    found = await looked(tmp_path, by.sign("anna"), by, WRITTEN + b" ")
    assert (found.intact, found.trust) == (Intact.BROKEN, Trust.UNKNOWN), "whom it names is not asked about"
    assert found.signers[0].name == "Иванова Анна Петровна", "who should have signed is still said"


@needs_gost
async def test_without_the_engine_gost_cannot_be_checked_and_is_never_good(
    authorities: dict[str, Authority], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = authorities["gost"]
    signature = by.sign("anna")
    monkeypatch.setenv("OPENSSL_ENGINES", str(tmp_path / "nowhere"))
    found = await looked(tmp_path, signature, by)
    assert (found.intact, found.trust) == (Intact.CANNOT, Trust.UNKNOWN)
    assert found.signers[0].inn == "5902290000", "it is read all the same"


async def test_a_signature_with_another_name_is_found_out_by_trying(rsa: Authority, tmp_path: Path) -> None:
    found = await looked(tmp_path, rsa.sign("anna"), rsa, named=False, beside=(b"a photograph", WRITTEN))
    assert (found.intact, found.fits) == (Intact.INTACT, 1)
    fits_none = await looked(tmp_path, rsa.sign("anna"), rsa, named=False, beside=(b"a photograph",))
    assert (fits_none.intact, fits_none.fits) == (Intact.NO_FILE, None)
    alone = await looked(tmp_path, rsa.sign("anna"), rsa, named=False)
    assert alone.intact is Intact.NO_FILE


async def test_what_was_signed_may_lie_in_the_signature(rsa: Authority, tmp_path: Path) -> None:
    signature = rsa.sign("anna", inside=True)
    found = await looked(tmp_path, signature, rsa)
    assert (found.intact, found.inside, found.fits) == (Intact.INTACT, True, 0), "the file beside it is the same"
    other = await looked(tmp_path, signature, rsa, b"%PDF-1.4 another contract")
    assert (other.intact, other.inside, other.fits) == (Intact.INTACT, True, None), "says nothing of the file beside it"


async def test_several_signers_are_all_named_and_the_worst_of_them_counts(rsa: Authority, tmp_path: Path) -> None:
    rsa.person("boris", "/CN=Борис Борисов")
    both = rsa.sign("anna", "boris")
    found = await looked(tmp_path, both, rsa)
    assert (found.intact, found.trust) == (Intact.INTACT, Trust.TRUSTED)
    assert {one.name for one in found.signers} == {"Иванова Анна Петровна", "Борис Борисов"}
    stranger = Authority.new(tmp_path / "stranger")
    stranger.person("eve", "/CN=Ева")
    for ending in ("pem", "key"):
        (rsa.folder / f"eve.{ending}").write_bytes((stranger.folder / f"eve.{ending}").read_bytes())
    mixed = await looked(tmp_path, rsa.sign("anna", "eve"), rsa)
    assert (mixed.intact, mixed.trust) == (Intact.INTACT, Trust.NO_ROOT)


async def test_trust_is_unknown_without_a_root_or_a_list_and_never_good(rsa: Authority, tmp_path: Path) -> None:
    signature = rsa.sign("anna")
    assert (await looked(tmp_path, signature)).trust is Trust.NO_ROOT
    other = Authority.new(tmp_path / "other")
    assert (await looked(tmp_path, signature, other)).trust is Trust.NO_ROOT
    (tmp_path / "written").write_bytes(WRITTEN)
    no_list = SignatureProcess(rsa.roots, tmp_path / "nowhere")
    found = await no_list.look(tmp_path / "signature", tmp_path / "written", [], rsa.now)
    assert (found.intact, found.trust) == (Intact.INTACT, Trust.NO_LIST)
    stale = await looked(tmp_path, signature, rsa, after=timedelta(days=-1))
    assert stale.trust in (Trust.NOT_YET, Trust.NO_LIST), "a list of the future"


async def test_expired_and_revoked_certificates(rsa: Authority, tmp_path: Path) -> None:
    rsa.person("clara", "/CN=Клара")
    signature = rsa.sign("clara")
    assert (await looked(tmp_path, signature, rsa, after=timedelta(days=400))).trust is Trust.EXPIRED
    rsa.revoke("clara")
    revoked = await looked(tmp_path, signature, rsa)
    assert (revoked.intact, revoked.trust) == (Intact.INTACT, Trust.REVOKED), "two words, not one"


async def test_a_certificate_between_may_come_from_our_folder_but_vouches_for_nobody(
    rsa: Authority, tmp_path: Path
) -> None:
    only = tmp_path / "only"
    only.mkdir()
    (only / "anna.cer").write_bytes((rsa.folder / "anna.pem").read_bytes())
    process = SignatureProcess(only, rsa.revoked)
    (tmp_path / "signature").write_bytes(rsa.sign("anna"))
    (tmp_path / "written").write_bytes(WRITTEN)
    found = await process.look(tmp_path / "signature", tmp_path / "written", [], rsa.now)
    assert found.trust is Trust.NO_ROOT


@pytest.mark.parametrize(("digest", "bits"), [("sha1", 2048), ("md5", 2048), ("sha256", 1024)])
async def test_weak_methods_prove_nothing(rsa: Authority, tmp_path: Path, digest: str, bits: int) -> None:
    rsa.person(f"weak{bits}", "/CN=Слабый", bits=bits)
    found = await looked(tmp_path, rsa.sign(f"weak{bits}", digest=digest), rsa)
    assert (found.intact, found.trust) == (Intact.WEAK, Trust.UNKNOWN)


async def test_an_unknown_method_cannot_be_checked(rsa: Authority, tmp_path: Path) -> None:
    sha256, unknown = (
        core.ObjectIdentifier(one).dump() for one in ("2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.99")
    )
    found = await looked(tmp_path, rsa.sign("anna").replace(sha256, unknown), rsa)
    assert found.intact in (Intact.CANNOT, Intact.UNREAD)
    assert found.trust is Trust.UNKNOWN


async def test_without_its_certificate_nothing_is_known(rsa: Authority, tmp_path: Path) -> None:
    found = await looked(tmp_path, rsa.sign("anna", certificates=False), rsa)
    assert (found.intact, found.trust, found.signers[0].name) == (Intact.CANNOT, Trust.UNKNOWN, "")


async def test_names_come_as_they_are_and_are_bounded(rsa: Authority, tmp_path: Path) -> None:
    rsa.person("mallory", "/CN=<script>alert(1)<\\/script>/O=" + "x" * 60)
    [signer] = (await looked(tmp_path, rsa.sign("mallory"), rsa)).signers
    assert signer.name == "<script>alert(1)</script>", "whoever shows it escapes it"
    assert len(signer.organisation) <= 200


def nested(depth: int) -> bytes:
    """Sequences within sequences, without an end that is told: what a reader follows it may fall into."""
    return b"\x30\x80" * depth


HOSTILE = {
    "empty": b"",
    "text": "Подписано: Иванов".encode(),
    "zeros": bytes(100_000),
    "deep": nested(200_000),
    "deep base64": base64.b64encode(nested(200_000)),
    "long length": b"\x30\x84\xff\xff\xff\xff\x06\x09",
    "armour alone": b"-----BEGIN CMS-----\n\n-----END CMS-----\n",
    "armour without end": b"-----BEGIN CMS-----\n" + b"A" * 100_000,
    "a zip": b"PK\x03\x04" + os.urandom(2000),
    "only a kind": bytes(core.Sequence.load(b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02").dump()),
    "noise": b"\x30\x82\x10\x00" + bytes(range(256)) * 16,
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_what_is_no_signature_is_not_read_and_harms_nobody(tmp_path: Path, what: str) -> None:
    found = await looked(tmp_path, HOSTILE[what])
    assert (found.intact, found.trust, found.signers) == (Intact.UNREAD, Trust.UNKNOWN, ())
    assert found.why


async def test_cut_off_signatures_are_never_good(rsa: Authority, tmp_path: Path) -> None:
    whole = rsa.sign("anna")
    for length in (1, 4, 60, len(whole) // 2, len(whole) - 1):
        found = await looked(tmp_path, whole[:length], rsa)
        assert found.intact in (Intact.UNREAD, Intact.CANNOT), length
        assert found.trust is Trust.UNKNOWN


async def test_a_huge_signature_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.write(b"\x30\x84\x7f\xff\xff\xff")
        file.truncate(LONGEST + 1)
    found = await SignatureProcess().look(tmp_path / "huge", None, [], AT)
    assert (found.intact, found.why) == (Intact.UNREAD, "it is larger than 30 MB")


async def test_too_many_signers_are_not_looked_at(rsa: Authority, tmp_path: Path) -> None:
    many = [rsa.person(f"person-{n}", f"/CN={n}", bits=1024) for n in range(cms.MOST_SIGNERS + 1)]
    found = await looked(tmp_path, rsa.sign(*many), rsa)
    assert found.intact is Intact.UNREAD
    assert "at most 10" in found.why


async def test_a_process_that_does_not_end_is_ended(rsa: Authority, tmp_path: Path) -> None:
    found = await looked(tmp_path, rsa.sign("anna"), rsa, within=0.001)
    assert (found.intact, found.why) == (Intact.CANNOT, "not done within 0.001 s")


async def test_a_file_that_is_gone_is_not_good(rsa: Authority, tmp_path: Path) -> None:
    (tmp_path / "signature").write_bytes(rsa.sign("anna"))
    at = rsa.now
    gone = await SignatureProcess().look(tmp_path / "signature", tmp_path / "gone", [], at)
    assert gone.intact is Intact.CANNOT
    nothing = await SignatureProcess().look(tmp_path / "nowhere", None, [], at)
    assert nothing.intact is Intact.UNREAD
