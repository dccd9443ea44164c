"""What is written into a history without a step, and subjects that a line knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core.ids import LineId
from callcenter.requests import actions as do
from callcenter.requests.change import Decision
from callcenter.requests.decide import open_request
from callcenter.requests.lifecycle import State
from callcenter.requests.merge import Part, split
from callcenter.requests.number import Counter
from callcenter.requests.refusal import Refused, Why
from callcenter.requests.remark import remark
from callcenter.requests.request import Fact, Reply, RequestId, Way
from tests.requests.lines import ESTP, done, moscow, refused

CALLED = moscow("2026-11-30 10:00")
KNOWN = replace(ESTP, subjects=frozenset({"signature", "other"}))


@pytest.mark.clause("ESTP 5.5.1")
def test_words_that_were_said_are_a_row_of_the_history_and_change_nothing_else() -> None:
    draft = open_request(RequestId("r"), LineId("estp"), "101", CALLED, CALLED, ESTP).request
    said = remark(draft, Fact.SAID, "date", "до 18:00 3 декабря", "101", CALLED, ESTP)
    assert isinstance(said, Decision)
    [entry] = said.entries
    assert (entry.fact, entry.why, entry.state) == (Fact.SAID, "до 18:00 3 декабря", State.DRAFT)
    assert replace(said.request, version=draft.version, entries=draft.entries) == draft
    assert said.request.version == draft.version + 1
    too_long = remark(draft, Fact.SAID, "date", "ю" * 2001, "101", CALLED, ESTP)
    assert isinstance(too_long, Refused)
    assert too_long.why is Why.TOO_LONG


@pytest.mark.clause("ESTP 5.5.2")
def test_a_subject_is_one_of_the_lines_or_not_chosen_yet() -> None:
    draft = open_request(RequestId("r"), LineId("estp"), "101", CALLED, CALLED, KNOWN).request
    assert done(draft, do.Fill("101", subject="signature"), CALLED, KNOWN).request.subject == "signature"
    assert done(draft, do.Fill("101", subject=""), CALLED, KNOWN).request.subject == ""
    refusal = refused(draft, do.Fill("101", subject="cats"), CALLED, KNOWN)
    assert (refusal.why, refusal.text) == (Why.UNKNOWN, "“cats” is no subject of this line; it has: other, signature")
    fill = do.Fill("101", "signature", "Не видна", "Контроль", Reply(Way.EMAIL, "a@b.ru"))
    filled = done(draft, fill, CALLED, KNOWN).request
    new = done(filled, do.Submit("101", Counter(LineId("estp"), 2026)), CALLED, KNOWN).request
    part = Part(RequestId("p"), "cats", "Чей кот?")
    assert isinstance(split(new, part, "401", "два вопроса", CALLED, KNOWN, Counter(LineId("estp"), 2026, 1)), Refused)


def test_a_submission_without_a_counter_is_a_mistake_of_the_caller() -> None:
    draft = open_request(RequestId("r"), LineId("estp"), "101", CALLED, CALLED, ESTP).request
    filled = done(draft, do.Fill("101", "x", "y", "Контроль", Reply(Way.EMAIL, "a@b.ru")), CALLED).request
    with pytest.raises(ValueError, match="hand in the line's counter"):
        done(filled, do.Submit("101"), CALLED)


@pytest.mark.clause("ESTP 5.5.2")
@pytest.mark.parametrize(
    ("way", "address", "fits"),
    [
        (Way.EMAIL, "zakazchik@example.ru", True),
        (Way.EMAIL, " инфо@почта.рф ", True),
        (Way.EMAIL, "zakazchik", False),
        (Way.EMAIL, "a@b.ru, c@d.ru", False),
        (Way.EMAIL, "Пётр <a@b.ru>", False),
        (Way.EMAIL, "a@b.ru\r\nBcc: all@example.ru", False),
        (Way.TELEPHONE, "+7 (342) 200-00-01, доб. 12", True),
        (Way.TELEPHONE, "позвонить завтра", False),
        (Way.LETTER, "614000, Пермь, ул. Ленина, 1", True),
    ],
)
def test_an_address_that_cannot_be_one_is_told_while_the_customer_can_still_be_asked(
    way: Way, address: str, fits: bool
) -> None:
    draft = open_request(RequestId("r"), LineId("estp"), "101", CALLED, CALLED, ESTP).request
    action = do.Fill("101", reply=Reply(way, address))
    if fits:
        assert done(draft, action, CALLED).request.reply == Reply(way, address)
    else:
        assert refused(draft, action, CALLED).why is Why.UNKNOWN
