"""The outbox: what has to leave does, at least once and under its key, and its fate comes back into the request."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from callcenter.core.ids import LineId
from callcenter.request_register.outbox import Came, Leaving, Outbox, Receipt
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.sender import LONGEST_PAUSE, OutboxSender, pause_after
from callcenter.requests import actions as do
from callcenter.requests.lifecycle import State
from callcenter.requests.request import Assignee, AssigneeKind, Fact, Fate, Reply, Way
from callcenter.requests.targets import TargetKind
from callcenter.store import Register, RegisterError
from tests.request_register.stories import CALLED, MINUTE, act, answered, new

pytestmark = pytest.mark.clause("ESTP 5.5.6")


def not_taken(*, for_good: bool) -> Receipt:
    return Receipt(Came.NEVER if for_good else Came.AGAIN, "550 no such user <zakazchik@example.ru>")


class Post:
    """Takes letters, or does not."""

    def __init__(self) -> None:
        self.took: list[tuple[str, str, str]] = []
        self.refuses: Receipt | None = None

    async def deliver(self, leaving: Leaving) -> Receipt:
        if self.refuses is not None:
            return self.refuses
        self.took.append((leaving.key, leaving.address, leaving.subject))
        return Receipt(Came.SENT)


class Clock:
    def __init__(self) -> None:
        self.now = CALLED + 10 * MINUTE

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(database: Register) -> Outbox:
    return Outbox(database)


@pytest.fixture
def sender(outbox: Outbox, requests: RequestRegister, post: Post, clock: Clock) -> OutboxSender:
    return OutboxSender(outbox, requests, {Way.EMAIL: post}, timedelta(hours=48), clock)


async def test_an_answer_leaves_and_the_request_knows_it(
    requests: RequestRegister, sender: OutboxSender, post: Post
) -> None:
    filed = await answered(requests)
    assert await sender.send_due() == 1
    assert post.took == [("ESTP-2026-000001/1", "zakazchik@example.ru", "Ответ на обращение ESTP-2026-000001")]
    filed = await requests.filed(filed.request.id)
    assert filed.request.messages[-1].fate is Fate.SENT
    assert (await requests.history(filed.request.id))[-1].fact is Fact.SENT
    assert await sender.send_due() == 0
    assert sender.sent == 1


async def test_who_dies_between_sending_and_storing_sends_again_under_the_same_key(
    requests: RequestRegister,
    sender: OutboxSender,
    outbox: Outbox,
    post: Post,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filed = await answered(requests)

    async def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(requests, "report", killed)
        with pytest.raises(KeyboardInterrupt):
            await sender.send_due()
    assert (await requests.filed(filed.request.id)).request.messages[-1].fate is Fate.WAITING
    successor = OutboxSender(outbox, requests, {Way.EMAIL: post}, timedelta(hours=48), clock)
    await successor.send_due()
    assert [key for key, *_ in post.took] == ["ESTP-2026-000001/1"] * 2
    assert [e.fact for e in await requests.history(filed.request.id)].count(Fact.SENT) == 1


async def test_while_the_register_is_away_nobody_gets_the_same_message_again_and_again(
    requests: RequestRegister, sender: OutboxSender, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = await answered(requests)

    async def away(*_: object) -> bool:
        raise RegisterError("the register is locked")

    with monkeypatch.context() as patch:
        patch.setattr(requests, "report", away)
        for _ in range(3):
            with pytest.raises(RegisterError):
                await sender.send_due()
    await sender.send_due()
    assert len(post.took) == 1
    assert (await requests.filed(filed.request.id)).request.messages[-1].fate is Fate.SENT


async def test_what_is_not_taken_now_is_tried_again_later_and_later_and_then_given_up(
    requests: RequestRegister, sender: OutboxSender, post: Post, clock: Clock, outbox: Outbox
) -> None:
    filed = await answered(requests)
    post.refuses = not_taken(for_good=False)
    tries = 0
    while clock.now < CALLED + timedelta(hours=50):
        tries += await sender.send_due()
        clock.now += 10 * MINUTE
    assert 48 < tries < 60
    filed = await requests.filed(filed.request.id)
    assert filed.request.state is State.IN_WORK, "the answer is owed again"
    assert filed.request.messages[-1].fate is Fate.FAILED
    assert await outbox.waiting() == []
    assert sender.failed == 1


async def test_what_is_never_taken_comes_back_at_once(
    requests: RequestRegister, sender: OutboxSender, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    filed = await answered(requests)
    post.refuses = not_taken(for_good=True)
    await sender.send_due()
    filed = await requests.filed(filed.request.id)
    assert filed.request.state is State.IN_WORK
    failed = [entry for entry in await requests.history(filed.request.id) if entry.fact is Fact.FAILED]
    assert [entry.why for entry in failed] == ["550 no such user <zakazchik@example.ru>"]
    assert "zakazchik" not in caplog.text, "addresses are no matter of logs"


async def test_a_message_that_comes_back_later_opens_the_request_again(
    requests: RequestRegister, sender: OutboxSender
) -> None:
    filed = await answered(requests)
    await sender.send_due()
    key = filed.request.messages[-1].key
    assert await requests.report(do.NotDelivered(key, "returned: mailbox full"), CALLED + 60 * MINUTE)
    back = (await requests.filed(filed.request.id)).request
    assert back.state is State.IN_WORK
    owed, before = back.target(TargetKind.ANSWER), filed.request.targets
    assert owed
    assert owed.due == next(one.due for one in before if one.kind is TargetKind.ANSWER), "it is owed as before"


async def test_letters_wait_for_whoever_posts_them(
    requests: RequestRegister, sender: OutboxSender, outbox: Outbox
) -> None:
    filed = await answered(requests, reply=Reply(Way.LETTER, "614000, Пермь, ул. Ленина, 1"))
    assert await sender.send_due() == 0
    [letter] = await outbox.unsettled([Way.LETTER, Way.TELEPHONE])
    assert (letter.number, letter.address) == (filed.request.number, "614000, Пермь, ул. Ленина, 1")
    assert await requests.report(do.Delivered(letter.key, "102"), CALLED + 60 * MINUTE)
    sent = [entry for entry in await requests.history(filed.request.id) if entry.fact is Fact.SENT]
    assert [entry.by for entry in sent] == ["102"]
    assert await outbox.unsettled([Way.LETTER]) == []


@pytest.mark.clause("ESTP 5.5.3")
async def test_a_department_outside_is_told_what_is_asked(
    requests: RequestRegister, outbox: Outbox, clock: Clock
) -> None:
    filed = await new(requests)
    outside = Assignee(AssigneeKind.DEPARTMENT, "УЦ", "uc@example.ru")
    await act(requests, filed, do.Assign("401", outside, "Просим ответить"), CALLED + 5 * MINUTE)
    [leaving] = await outbox.due(Way.EMAIL, clock.now)
    assert leaving.address == "uc@example.ru"
    assert "Просим ответить" in leaving.text
    assert "истёк сертификат" in leaving.text


async def test_an_email_of_no_request_leaves_once_per_key(
    outbox: Outbox, sender: OutboxSender, post: Post, requests: RequestRegister
) -> None:
    for _ in range(2):
        await outbox.put(LineId("estp"), "warning/1", "head@example.ru", "Срок", "Скоро срок", CALLED)
    await sender.send_due()
    await sender.send_due()
    assert [key for key, *_ in post.took] == ["warning/1"]
    assert not await requests.report(do.Delivered("nothing/1"), CALLED)


def test_pauses_grow_and_have_an_end() -> None:
    pauses = [pause_after(n) for n in range(20)]
    assert pauses[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert pauses[-1] == LONGEST_PAUSE


async def test_what_a_receipt_notes_is_in_the_history(
    requests: RequestRegister, sender: OutboxSender, post: Post
) -> None:
    filed = await answered(requests)
    post.refuses = Receipt(Came.SENT, note="61400023123457")
    assert await sender.send_due() == 1
    told = [one.why for one in await requests.history(filed.request.id) if one.fact is Fact.SENT]
    assert told == ["61400023123457"]
