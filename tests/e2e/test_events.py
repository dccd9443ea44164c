"""What Asterisk tells its controller of a call: what it needs, and nothing that nobody reads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from callcenter.asterisk.messages import Message
from tests.e2e.processes import STRAIGHT_TO_THE_QUEUE
from tests.e2e.station import station, until
from tests.e2e.test_caller_conversation import conversation
from tests.patience import patience

pytestmark = pytest.mark.e2e


async def test_no_event_of_a_call_is_sent_that_nobody_reads(tmp_path: Path, brief: Path) -> None:
    """Each costs both sides time: a call of three seconds had 20 of them."""
    told: list[Message] = []
    async with station(tmp_path, ivr=STRAIGHT_TO_THE_QUEUE, prompts=str(brief)) as line:
        ami = line.controller.link.ami
        take = ami._on_event

        def noted(message: Message) -> None:
            told.append(message)
            take(message)

        ami._on_event = noted
        caller, leg = await conversation(line, seconds=3.0)
        leg.hang_up()
        async with patience(10):
            await caller.ended.wait()
        await line.ended(outcome="answered")
        await until(lambda: sum(one["Event"] == "Hangup" for one in told) == 2, what="both channels are gone")
    names = Counter(one["Event"] for one in told)
    assert names["RTCPSent"] >= 2, "what was received of both is told"
    assert names["BridgeEnter"] == names["BridgeLeave"] == names["Hangup"] == 2
    assert [one for one in told if one["Event"] == "RTCPSent" and one["ReportCount"] == "0"] == []
    assert names["SoftHangupRequest"] == 0, "of channels that are only redirected"
    assert names["OriginateResponse"] == 0, "of a phone that has answered"
