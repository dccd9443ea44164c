"""The desk's certificate: one sentence on what is wrong with it, and a first one made here."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.system.certificate import OWN_LIFETIME, PROBLEMS, SOON, CertificateError, judge, make, server_context
from tests.wall import MONDAY_NOON

DAY = timedelta(days=1)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    made = tmp_path / "tls" / "certificate.pem", tmp_path / "tls" / "key.pem"
    make(*made, ["desk.example.ru", "192.0.2.7"], MONDAY_NOON)
    return made


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        (timedelta(0), "self_signed"),
        (OWN_LIFETIME - SOON - DAY, "self_signed"),
        (OWN_LIFETIME - SOON, "expiring"),
        (OWN_LIFETIME - DAY, "expiring"),
        (OWN_LIFETIME, "expired"),
        (-2 * DAY, "not_yet_valid"),
    ],
)
def test_its_time_is_told_in_one_sentence(files: tuple[Path, Path], after: timedelta, problem: str) -> None:
    judged = judge(*files, MONDAY_NOON + after)
    assert judged.problem == problem
    assert problem in PROBLEMS
    assert judged.sentence.startswith("The desk's certificate ")
    assert "\n" not in judged.sentence
    assert judged.ends == MONDAY_NOON.replace(microsecond=0) + OWN_LIFETIME


def test_what_is_missing_or_does_not_fit_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = files
    missing = judge(certificate, tmp_path / "nothing.pem", MONDAY_NOON)
    assert (missing.problem, missing.fatal) == ("missing", True)
    assert "nothing.pem" in missing.sentence
    assert "callcenter certificate make" in missing.sentence
    other = tmp_path / "other.pem", tmp_path / "other-key.pem"
    make(*other, ["other.example.ru"], MONDAY_NOON)
    wrong = judge(certificate, other[1], MONDAY_NOON)
    assert (wrong.problem, "the key is another certificate's" in wrong.sentence) == ("unusable", True)
    key.write_text("no key")
    assert judge(certificate, key, MONDAY_NOON).problem == "unusable"


def test_a_first_one_is_never_made_over_another(files: tuple[Path, Path]) -> None:
    before = [file.read_bytes() for file in files]
    with pytest.raises(CertificateError, match="there already"):
        make(*files, ["desk.example.ru"], MONDAY_NOON)
    assert [file.read_bytes() for file in files] == before
    assert files[1].stat().st_mode & 0o077 == 0
    server_context(*files)
