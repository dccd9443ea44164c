"""A full line that is broken again and again loses nobody: the short form of `python -m tests.chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.sip_log import Message
from tests.chaos import report, testimony
from tests.chaos.plan import GROUPS, NEEDS_ROOT, VARIANTS, Plan, answers, callers, faults
from tests.chaos.run import play
from tests.chaos.testimony import EndedBy

SHORT = Plan(seconds=60.0, seed=4, callers=12, operators=3, calm=(4.0, 7.0))


@pytest.mark.e2e
@pytest.mark.timeout(300)
async def test_whatever_dies_nobody_is_lost(tmp_path: Path) -> None:
    result = await play(SHORT, tmp_path / "run")
    report.write(result, tmp_path)
    assert not report.failed(result), "\n".join([report.table(result), *report.stories(result)])
    assert len(result.happened) >= 2
    assert sum(bool(case.conversations) for case in result.evidence.cases) >= 5


# -- what happens follows from the seed --------------------------------------------------------------------------------


def names(plan: Plan, number: int, *, root: bool = True) -> list[str]:
    found = faults(plan, root=root)
    return [next(found) for _ in range(number)]


def test_a_short_run_has_seen_every_kind_of_fault() -> None:
    group_of = {variant: group for group, variants in VARIANTS.items() for variant in variants}
    for seed in range(20):
        assert {group_of[name] for name in names(Plan(seed=seed), len(GROUPS))} == set(GROUPS)


def test_the_same_seed_gives_the_same_faults_callers_and_operators() -> None:
    assert names(Plan(seed=3), 50) == names(Plan(seed=3), 50) != names(Plan(seed=4), 50)
    assert callers(Plan(seed=3), 0)[:100] == callers(Plan(seed=3), 0)[:100] != callers(Plan(seed=4), 0)[:100]
    assert answers(Plan(seed=3), "101", 0) == answers(Plan(seed=3), "101", 0) != answers(Plan(seed=3), "102", 0)


def test_without_root_no_disk_is_filled() -> None:
    assert not NEEDS_ROOT & set(names(Plan(), 100, root=False))


def test_every_caller_has_a_number_of_their_own_but_who_was_cut_off_and_calls_again() -> None:
    first, second = callers(Plan(), 0), callers(Plan(), 1, again=("+73422000005",))
    numbers = [caller.number for caller in (*first, *second)]
    assert len(set(numbers)) == len(numbers) - 1
    assert second[0].number == "+73422000005"


# -- what the phones saw -----------------------------------------------------------------------------------------------


def message(at: float, sent: bool, first_line: str, cseq: str = "1 INVITE", call_id: str = "a") -> Message:
    return Message(at, sent, first_line, call_id, cseq, "<sip:+73422000001@127.0.0.1>")


def test_who_ended_a_call_is_who_said_bye_first() -> None:
    begun = [message(1.0, True, "INVITE sip:x"), message(1.1, False, "SIP/2.0 200 OK")]
    by_line = testimony.placed([*begun, message(9.0, False, "BYE sip:x", "2 BYE")], 0)[0]
    by_phone = testimony.placed([*begun, message(8.0, True, "BYE sip:x"), message(8.1, False, "BYE sip:x")], 0)[0]
    heard = [message(8.0, True, "BYE sip:x", "2 BYE"), message(8.1, False, "SIP/2.0 200 OK", "2 BYE")]
    refused = [message(8.0, True, "BYE sip:x", "2 BYE"), message(8.1, False, "SIP/2.0 500 Invalid CSeq", "2 BYE")]
    gone = testimony.placed([*begun, *refused], 0)[0]
    assert (gone.ended_by, gone.ended_at, gone.unplugged) == (EndedBy.NOBODY, None, True)
    cut_off = testimony.placed(begun, 0)[0]
    assert (by_line.ended_by, by_line.ended_at) == (EndedBy.LINE, 9.0)
    assert (by_phone.ended_by, by_phone.ended_at, by_phone.in_vain) == (EndedBy.PHONE, 8.0, True)
    assert not testimony.placed([*begun, *heard], 0)[0].in_vain
    assert (cut_off.ended_by, cut_off.ended_at) == (EndedBy.NOBODY, None)


def test_a_phone_that_nobody_has_rung_yet_has_seen_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    assert testimony.read(tmp_path / "empty.log") == testimony.read(tmp_path / "none.log") == []


def test_a_refused_call_is_told_with_its_answer() -> None:
    seen = testimony.placed([message(1.0, True, "INVITE sip:x"), message(1.2, False, "SIP/2.0 503 Unavailable")], 0)[0]
    assert (seen.refused, seen.ended_by) == ("SIP/2.0 503 Unavailable", EndedBy.LINE)


def test_a_phone_that_was_only_rung_had_no_conversation() -> None:
    rung = [message(1.0, False, "INVITE sip:x")]
    cancelled = testimony.rung([*rung, message(4.0, False, "CANCEL sip:x", "1 CANCEL")], "101")[0]
    taken = testimony.rung(
        [
            *rung,
            message(2.0, True, "SIP/2.0 200 OK"),
            message(2.1, False, "ACK sip:x"),
            message(5.0, True, "BYE sip:x", "2 BYE"),
        ],
        "101",
    )[0]
    assert (cancelled.seconds(100.0), cancelled.rang_until) == (0.0, 4.0)
    assert (taken.seconds(100.0), taken.seconds(4.0), taken.rang_until) == (3.0, 2.0, 2.0)
