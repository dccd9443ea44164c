"""A caller keys in the number of a request and hears where it stands, from the waiting room and outside hours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.calendar.clock import wall_clock
from callcenter.core.ids import LineId
from callcenter.core.spoken import until_words
from callcenter.request_register.filed import Filed, Requester
from callcenter.requests import actions as do
from callcenter.requests.targets import TargetKind
from tests.e2e.hearing import PROMPTS, brief_prompts, heard_prompts, listen, names
from tests.e2e.listening import OPERATOR, all_quiet, hears, voice
from tests.e2e.silence import pauses
from tests.e2e.station import Station, station, until
from tests.request_register.stories import EMAIL, LEBEDEV, WORDS, act

pytestmark = [pytest.mark.e2e, pytest.mark.clause("ESTP 5.5.4, 5.4.6")]
STRAIGHT_TO_THE_QUEUE = {"ask_inn": "false", "urgency": {}}
REQUESTER, STRANGER = "+73421111101", "+73421111102"
STATES = ("request-number", "request-in-work", "request-unknown", "request-tries-over", "request-unavailable")


def prompts_whole(folder: Path) -> Path:
    """Long announcements cut short, the answer as it is."""
    whole = [path.stem for path in (PROMPTS / "ru").glob("*.wav") if path.stem.startswith(("request-n", "request-i"))]
    families = ("number-", "answer-by-", "month-", "hour-", "hours-", "minutes-")
    whole += [path.stem for path in (PROMPTS / "ru").glob("*.wav") if path.stem.startswith(families)]
    return brief_prompts(folder, whole=whole)


async def filed(line: Station) -> Filed:
    """A request of this caller that is being worked on."""
    requests, at = line.controller.requests.register, wall_clock() - timedelta(minutes=10)
    opened = await requests.open_draft(LineId("estp"), "101", at, at, Requester("Пётр", REQUESTER))
    subject = next(iter(line.config.lines[LineId("estp")].subjects))
    for action in (
        do.Fill("101", subject, WORDS, "Контроль", EMAIL),
        do.Submit("101"),
        do.Assign("401", LEBEDEV),
        do.Start("201"),
    ):
        opened = await act(requests, opened, action, at)
    return opened


def digits(of: Filed) -> str:
    number = of.request.number
    assert number is not None
    return f"{number.year}{number.running:06d}"


async def test_the_requester_hears_state_and_date_a_stranger_the_state_and_both_keep_their_places(
    tmp_path: Path,
) -> None:
    prompts = prompts_whole(tmp_path / "prompts")
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(prompts)) as line:
        request = await filed(line)
        first = await line.caller(REQUESTER)
        await until(lambda: line.waiting() == 1, what="the first waits")
        stranger = await line.caller(STRANGER)
        await until(lambda: line.waiting() == 2, what="the second waits")
        for caller in (first, stranger):
            await listen(caller, 0.8)
            await caller.press("1")
            await listen(caller, 0.8)
            await caller.press("5")
            await listen(caller, 1.2)
            await caller.press(digits(request) + "#")
        await listen(stranger, 7.0)
        target = request.request.target(TargetKind.ANSWER)
        assert target is not None
        told = until_words(target.expected.astimezone(line.config.lines[LineId("estp")].zone))
        wrong = "".join(str((int(digit) + 1) % 10) for digit in digits(request))
        await stranger.press("5")
        await listen(stranger, 1.2)
        await stranger.press(wrong[:12] + "#")
        await listen(stranger, 2.0)
        phone = await line.operator("101")
        leg = await phone.rings()
        assert REQUESTER in leg.caller_id, "the first is the first"
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(first, OPERATOR)
        first.hang_up()
        await line.ended(number=REQUESTER, outcome="answered")
        stranger.hang_up()
        await all_quiet(line)
    listened = names(heard_prompts(first.heard(), (*STATES, *told, "number-1"), prompts))
    assert listened == ["request-number", "number-1", "request-in-work", *told]
    assert names(heard_prompts(stranger.heard(), (*STATES, *told), prompts)) == [
        "request-number",
        "request-in-work",
        "request-unknown",
    ]
    silent = pauses(first.media.arrivals, first.media.ticks, longest=0.25)  # test_never_silent.py is the strict judge
    assert silent == [], "while it is looked up either"


async def test_outside_hours_if_the_line_says_so(tmp_path: Path) -> None:
    prompts = prompts_whole(tmp_path / "prompts")
    today = wall_clock().date()
    closed = {
        "extra_workdays": [],
        "extra_holidays": [(today + timedelta(days=shift)).isoformat() for shift in (-1, 0, 1)],
    }
    offered = {"requests": {"heard_by_callers": {"when_closed": "true"}}}
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(prompts), hours=closed, line=offered) as line:
        request = await filed(line)
        caller = await line.caller(STRANGER)
        await listen(caller, 0.5)
        await caller.press("5")
        await listen(caller, 1.2)
        await caller.press(digits(request) + "#")
        await until(caller.ended.is_set, 20.0, "the good-bye")
        row = await line.ended(number=STRANGER)
    heard = names(heard_prompts(caller.heard(), (*STATES, "closed-request", "closed-hours"), prompts))
    assert heard == ["closed-request", "request-number", "request-in-work", "closed-request", "closed-hours"]
    assert row["outcome"] == "closed"
