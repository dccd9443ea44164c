"""Whatever is done to a request, in whatever order: it has a next step or an end, and nothing happens unsaid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callcenter.calendar.hours import WorkingHours
from callcenter.calendar.working_time import WorkingTime
from callcenter.requests import actions as do
from callcenter.requests.change import Decision, counter_year
from callcenter.requests.decide import decide, open_request
from callcenter.requests.lifecycle import ENDS, REQUEST, UNFINISHED, State, Step
from callcenter.requests.merge import merge
from callcenter.requests.next_step import Who, next_step
from callcenter.requests.number import Counter, Number, missing_numbers
from callcenter.requests.refusal import Refused
from callcenter.requests.request import (
    Assignee,
    AssigneeKind,
    Entry,
    Fact,
    Fate,
    Message,
    Purpose,
    Reply,
    Request,
    RequestId,
    Way,
)
from callcenter.requests.rules import LineRules
from callcenter.requests.targets import TargetKind
from tests.requests.lines import ESTP, MOSCOW, TBS, done, moscow

LENGTHS = st.sampled_from([0, 1, 20, 60, 8 * 60, 24 * 60, 4 * 24 * 60, 20 * 24 * 60]).map(
    lambda m: timedelta(minutes=m)
)
REPLIES = st.sampled_from(
    [
        Reply(Way.EMAIL, "a@example.com"),
        Reply(Way.TELEPHONE, "+73422000000"),
        Reply(Way.LETTER, "Perm"),
        Reply(Way.EMAIL, " "),
    ]
)
ASSIGNEES = st.sampled_from(
    [
        Assignee(AssigneeKind.PERSON, "101"),
        Assignee(AssigneeKind.GROUP, "technical"),
        Assignee(AssigneeKind.DEPARTMENT, "law", "law@example.com"),
    ]
)
TEXTS = st.sampled_from(["Because.", "Текст", " "])


class History:
    """What somebody knows who reads the history alone."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.state = State.DRAFT
        self.open: dict[str, tuple[datetime | None, datetime | None]] = {}
        self._met: dict[tuple[str, str], tuple[datetime | None, datetime | None]] = {}
        """Dates of what was met, by the target and the message that did it."""

    def at(self, step: Step) -> datetime:
        """When a step was taken last."""
        return next(e.at for e in reversed(self.entries) if e.fact is Fact.STEP and e.what == step.value)

    def dates(self, kind: TargetKind) -> list[datetime]:
        """All dates that a target has had."""
        return [e.after for e in self.entries if e.what == kind.value and e.after is not None]

    def read(self, entry: Entry) -> None:
        """Read the next row."""
        assert entry.running == len(self.entries) + 1
        assert not self.entries or entry.at >= self.entries[-1].at
        self.entries.append(entry)
        if entry.fact is Fact.STEP:
            assert REQUEST.next(self.state, Step(entry.what)) is entry.state
            self.state = entry.state
        assert entry.state is self.state, "a state has changed without a step"
        due, promised = self.open.get(entry.what, (None, None))
        match entry.fact:
            case Fact.TARGET_SET:
                assert entry.what not in self.open
                self.open[entry.what] = (entry.after, None)
            case Fact.TARGET_MOVED:
                assert entry.why.strip()
                assert entry.before == due
                self.open[entry.what] = (entry.after, promised)
            case Fact.TARGET_PROMISED:
                assert entry.why.strip()
                assert entry.before == promised
                self.open[entry.what] = (due, entry.after)
            case Fact.TARGET_MET:
                if entry.before is None:
                    self._met[entry.what, entry.why] = self.open.pop(entry.what)
                else:
                    assert entry.what == TargetKind.FIRST_ANSWER, "another answer is another target"
                    (met,) = (by for what, by in self._met if what == entry.what)
                    self._met[entry.what, entry.why] = self._met.pop((entry.what, met))
            case Fact.TARGET_DROPPED:
                self.open.pop(entry.what)
            case Fact.TARGET_UNMET:
                assert entry.what not in self.open
                self.open[entry.what] = self._met.pop((entry.what, entry.why))
                assert self.open[entry.what][0] == entry.after
            case _:
                pass


def may(step: Step) -> Callable[[Any], bool]:
    """Whether the lifecycle allows the step now: so that examples go deep. What it does not allow has its own rule."""
    return lambda self: REQUEST.allows(self.request.state, step)


TRIES: list[do.Action] = [
    do.Fill("101", subject="Another"),
    do.Submit("101", Counter(ESTP.line, 2026)),
    do.Assign("head", Assignee(AssigneeKind.PERSON, "101")),
    do.HandBack("101", "why"),
    do.Start("101"),
    do.Ask("101", "What?", "why"),
    do.Resume("101", "why"),
    do.Answer("101", "Answer"),
    do.Close("101", True, False),
    do.CloseWithoutReply("101", "done"),
    do.Reopen("head", "why"),
]
STEPS = [
    None,
    Step.SUBMIT,
    Step.ASSIGN,
    Step.HAND_BACK,
    Step.START,
    Step.ASK,
    Step.RESUME,
    Step.ANSWER,
    Step.CLOSE,
    Step.CLOSE,
    Step.REOPEN,
]
"""The step of each try, in the same order."""


class AnyRequest(RuleBasedStateMachine):
    """One request, an outbox whose sender dies, a customer who counts, and colleagues who do what they like."""

    @initialize(rules=st.sampled_from([ESTP, TBS]), late=LENGTHS)
    def begin(self, rules: LineRules, late: timedelta) -> None:
        self.house = rules
        self.at = moscow("2026-11-26 16:00")
        self.counter = Counter(self.house.line, 2026)
        self.numbers: list[Number] = []
        self.history = History()
        self.mailbox: dict[str, list[tuple[Way, str, str]]] = {}
        self.chosen: dict[str, tuple[Way, str, str]] = {}
        self.answers = 0
        opened = open_request(RequestId("1"), self.house.line, "101", self.at - late, self.at, self.house)
        self.request = opened.request
        self.keep(opened)

    def keep(self, decision: Decision) -> None:
        """The transaction: everything is stored, or nothing."""
        assert decision.request.version == self.request.version + bool(decision.entries) or self.request.version == 1
        self.request = decision.request
        for entry in decision.entries:
            self.history.read(entry)
        if decision.counter is not None:
            assert self.request.number is not None
            self.counter = decision.counter
            self.numbers.append(self.request.number)

    def act(self, action: do.Action) -> Decision | None:
        decision = decide(self.request, action, self.at, self.house)
        if isinstance(decision, Refused):
            assert decision.text
            return None
        before = self.request
        self.keep(decision)
        for message in decision.send:
            assert message.key not in self.chosen
            reply = before.reply if message.purpose in (Purpose.ANSWER, Purpose.QUESTION) else message.reply
            assert reply is not None
            self.chosen[message.key] = (reply.way, reply.address, message.text)
        return decision

    def this_years(self) -> Counter:
        year = counter_year(self.request, self.at, self.house)
        return self.counter if self.counter.year == year else Counter(self.house.line, year)

    @rule(times=st.integers(1, 4))
    def everybody_does_what_is_next(self, times: int) -> None:
        for _ in range(times):
            if (step := next_step(self.request, self.at)) is not None:
                self.do_next(step.who, step.step)

    @rule(length=LENGTHS)
    def time_passes(self, length: timedelta) -> None:
        self.at += length

    @rule()
    def the_clock_is_set_back(self) -> None:
        self.at -= timedelta(minutes=5)

    @precondition(lambda self: self.request.state is State.DRAFT)
    @rule(reply=REPLIES, data=st.data(), subject=TEXTS)
    def fill(self, reply: Reply, data: st.DataObject, subject: str) -> None:
        urgency = data.draw(st.sampled_from([*self.house.urgencies, "unknown"]))
        self.act(do.Fill("101", subject, "What is asked", urgency, reply))

    @precondition(lambda self: self.request.state is State.DRAFT)
    @rule()
    def submit(self) -> None:
        self.act(do.Submit("101", self.this_years()))

    @precondition(lambda self: self.request.state is State.DRAFT)
    @rule(reply=REPLIES, data=st.data())
    def a_whole_form(self, reply: Reply, data: st.DataObject) -> None:
        self.fill(reply, data, "Подпись")
        self.submit()

    @rule(data=st.data(), why=TEXTS)
    def change_urgency(self, data: st.DataObject, why: str) -> None:
        self.act(do.ChangeUrgency("head", data.draw(st.sampled_from([*self.house.urgencies, "unknown"])), why))

    @rule(reply=REPLIES, why=TEXTS)
    def change_reply(self, reply: Reply, why: str) -> None:
        self.act(do.ChangeReply("head", reply, why))

    @precondition(may(Step.ASSIGN))
    @rule(who=ASSIGNEES)
    def assign(self, who: Assignee) -> None:
        self.act(do.Assign("head", who, "Please"))

    @precondition(may(Step.HAND_BACK))
    @rule(why=TEXTS)
    def hand_back(self, why: str) -> None:
        self.act(do.HandBack("101", why))

    @precondition(may(Step.START))
    @rule()
    def start(self) -> None:
        self.act(do.Start("101"))

    @precondition(may(Step.ASK))
    @rule(why=TEXTS)
    def ask(self, why: str) -> None:
        self.act(do.Ask("101", "Which browser?", why))

    @precondition(may(Step.RESUME))
    @rule(why=TEXTS)
    def resume(self, why: str) -> None:
        self.act(do.Resume("101", why))

    @rule(from_customer=st.booleans())
    def receive(self, from_customer: bool) -> None:
        before = self.request.state
        decision = self.act(do.Receive("customer", from_customer))
        assert decision is not None, "what comes in is filed, whatever the state"
        if from_customer and before in (State.PENDING, State.ANSWERED, State.CLOSED):
            assert self.request.state is State.IN_WORK

    @precondition(may(Step.INFORM))
    @rule(length=LENGTHS, causes=st.lists(TEXTS, max_size=2).map(tuple), by_email=st.booleans())
    def inform(self, length: timedelta, causes: tuple[str, ...], by_email: bool) -> None:
        reply = Reply(Way.EMAIL, "b@example.com") if by_email else None
        self.act(do.Inform("101", causes, self.at + length, "It takes longer", reply))

    @precondition(may(Step.INFORM))
    @rule(days=st.integers(1, 5))
    def the_answer_is_put_off(self, days: int) -> None:
        if (target := self.request.target(TargetKind.ANSWER)) is not None:
            latest = max(self.at, self.request.changed_at, target.expected)
            expected = self.house.time.end_of_day(latest, days)
            decision = self.act(do.Inform("101", ("why",), expected, "Later", Reply(Way.EMAIL, "b@example.com")))
            assert decision is not None
            put_off = self.request.target(TargetKind.ANSWER)
            assert put_off is not None
            assert (put_off.due, put_off.expected) == (target.due, expected)

    @precondition(may(Step.ANSWER))
    @rule(text=TEXTS)
    def answer(self, text: str) -> None:
        self.answers += self.act(do.Answer("101", text)) is not None

    @precondition(lambda self: self.request.state is State.ANSWERED)
    @rule(solved=st.none() | st.booleans(), more=st.none() | st.booleans())
    def close(self, solved: bool | None, more: bool | None) -> None:
        if self.act(do.Close("101", solved, more)) is not None:
            answer = self.request.last_message(Purpose.ANSWER)
            assert answer is not None
            assert answer.fate is Fate.SENT, "closed without an answer that has arrived"

    @precondition(lambda self: self.request.state is State.PENDING)
    @rule(done=TEXTS)
    def close_without_reply(self, done: str) -> None:
        self.act(do.CloseWithoutReply("101", done))

    @precondition(may(Step.REOPEN))
    @rule(why=TEXTS)
    def reopen(self, why: str) -> None:
        self.act(do.Reopen("head", why))

    @precondition(may(Step.REFUSE))
    @rule(data=st.data(), why=TEXTS)
    def refuse(self, data: st.DataObject, why: str) -> None:
        reason = data.draw(st.sampled_from([*sorted(self.house.refusals), "I do not like it"]))
        self.act(do.Refuse("head", reason, why, self.this_years()))

    @rule(days=st.sets(st.dates(date(2026, 11, 26), date(2027, 1, 20)), max_size=9))
    def the_calendar_changes(self, days: set[date]) -> None:
        hours = self.house.time.hours
        changed = WorkingTime(WorkingHours(MOSCOW, hours.opens, hours.closes, extra_holidays=frozenset(days)))
        self.house = replace(self.house, time=changed)
        self.act(do.Recompute("calendar", "days were declared free"))
        for target in self.request.targets:
            by_calendar = changed.due(target.term, target.since, target.pauses)
            assert not target.open or target.due == min(by_calendar, target.no_later_than or by_calendar)

    @rule(data=st.data(), dies=st.booleans())
    def the_outbox_sends(self, data: st.DataObject, dies: bool) -> None:
        if waiting := [m for m in self.request.messages if m.fate is Fate.WAITING]:
            self.send(data.draw(st.sampled_from(waiting)), dies=dies)

    def send(self, message: Message, *, dies: bool) -> None:
        """The other side gets it; our sender may die before that is known, and then it is sent again."""
        self.mailbox.setdefault(message.key, []).append((message.reply.way, message.reply.address, message.text))
        if not dies:
            self.act(do.Delivered(message.key))

    @rule(data=st.data())
    def a_message_does_not_arrive(self, data: st.DataObject) -> None:
        if self.request.messages:
            message = data.draw(st.sampled_from(self.request.messages))
            self.act(do.NotDelivered(message.key, "no such mailbox"))

    @rule(number=st.integers(0, len(TRIES) - 1))
    def somebody_tries_what_the_state_does_not_allow(self, number: int) -> None:
        step, state = STEPS[number], self.request.state
        if state is State.DRAFT if step is None else REQUEST.allows(state, step):
            return
        assert self.act(TRIES[number]) is None

    @precondition(lambda self: self.request.state in (State.ANSWERED, State.CLOSED))
    @rule()
    def the_answer_comes_back(self) -> None:
        message = self.request.last_message(Purpose.ANSWER)
        if message is not None and message.fate is not Fate.FAILED:
            self.act(do.NotDelivered(message.key, "no such mailbox"))
            assert self.request.state is State.IN_WORK

    @precondition(lambda self: len(self.request.messages) > 1)
    @rule(data=st.data())
    def an_older_message_comes_back(self, data: st.DataObject) -> None:
        latest = {self.request.last_message(purpose) for purpose in Purpose}
        if older := [m for m in self.request.messages if m not in latest]:
            before = self.request.state
            self.act(do.NotDelivered(data.draw(st.sampled_from(older)).key, "no such mailbox"))
            assert self.request.state is before, "what is newer goes on"

    @rule(data=st.data())
    def a_report_comes_twice(self, data: st.DataObject) -> None:
        if settled := [m for m in self.request.messages if m.fate is not Fate.WAITING]:
            message, before = data.draw(st.sampled_from(settled)), self.request
            again = do.Delivered(message.key) if message.fate is Fate.SENT else do.NotDelivered(message.key, "again")
            self.act(again)
            assert self.request == before

    @rule(why=TEXTS, data=st.data(), first=st.booleans())
    def another_asks_the_same(self, why: str, data: st.DataObject, first: bool) -> None:
        """Another request, made earlier, is merged into this one; or this one into that."""
        if self.request.number is None:
            return
        since = min(self.at, self.request.received_at) - timedelta(days=3)
        other = open_request(RequestId("2"), self.house.line, "102", since, self.at, self.house).request
        urgency = data.draw(st.sampled_from(sorted(self.house.urgencies)))
        reply = Reply(Way.EMAIL, "c@example.com")
        other = done(other, do.Fill("102", "It", "Again", urgency, reply), self.at, self.house).request
        submitted = done(other, do.Submit("102", self.this_years()), self.at, self.house)
        other = submitted.request
        if submitted.counter is not None and other.number is not None:
            self.counter = submitted.counter
            self.numbers.append(other.number)
        goes, stays = (other, self.request) if first else (self.request, other)
        merged = merge(goes, stays, "head", why, self.at, self.house)
        if isinstance(merged, Refused):
            return
        gone, kept = merged
        self.keep(kept if first else gone)
        assert gone.request.state is State.MERGED
        theirs, ours = goes.target(TargetKind.ANSWER), kept.request.target(TargetKind.ANSWER)
        assert theirs is None or (ours is not None and ours.due <= theirs.due)

    @invariant()
    def there_is_a_next_step_or_an_end(self) -> None:
        step = next_step(self.request, self.at)
        assert (step is None) == (self.request.state in ENDS)
        assert step is None or REQUEST.allows(self.request.state, step.step)

    @invariant()
    def what_is_open_has_a_date(self) -> None:
        kinds = [target.kind for target in self.request.targets if target.open]
        assert len(kinds) == len(set(kinds))
        state = self.request.state
        expected = {
            State.DRAFT: TargetKind.FORM,
            State.PENDING: TargetKind.CUSTOMER_REPLY,
            State.ANSWERED: TargetKind.CLOSING,
        }
        for where, kind in expected.items():
            assert (kind in kinds) == (state is where), kind
        nobody = self.request.assignee is None and state in UNFINISHED
        assert (TargetKind.ASSIGNMENT in kinds) == nobody, "who has to answer is named, or the head has a date for it"
        promised = self.request.urgency in self.house.urgencies and self.house.urgencies[self.request.urgency].answer
        assert (TargetKind.ANSWER in kinds) == (state in UNFINISHED) or not promised
        if state in ENDS:
            assert not kinds
        stopped = [target.kind for target in self.request.targets if target.stopped_at is not None]
        answer = self.request.target(TargetKind.ANSWER)
        if state is State.PENDING and answer is not None and not stopped:
            assert self.history.at(Step.ASK) >= min(answer.expected, *self.history.dates(TargetKind.ANSWER))
        assert not stopped or (state is State.PENDING and stopped == [TargetKind.ANSWER])

    @invariant()
    def no_target_has_moved_unsaid(self) -> None:
        known = {target.kind.value: (target.due, target.promised) for target in self.request.targets if target.open}
        assert known == self.history.open
        assert self.request.state is self.history.state
        assert self.request.entries == len(self.history.entries)

    @invariant()
    def numbers_have_no_gaps(self) -> None:
        assert (self.request.number is None) == (self.request.state is State.DRAFT)
        assert missing_numbers(self.numbers, self.counter) == []
        assert len(self.numbers) == len(set(self.numbers))

    def teardown(self) -> None:
        """The sender comes back; then everybody does what is next, until the end."""
        if not hasattr(self, "request"):
            return
        for message in self.request.messages:
            if message.fate is Fate.WAITING:
                self.send(message, dies=False)
        self.every_message_has_one_fate()
        for _ in range(9):
            step = next_step(self.request, self.at)
            if step is None:
                break
            self.do_next(step.who, step.step)
        assert self.request.state in ENDS
        self.every_message_has_one_fate()

    def every_message_has_one_fate(self) -> None:
        """The customer sorts repetitions out by their key: each message is there once, on the way that was chosen."""
        assert [m.key for m in self.request.messages] == [*self.chosen]
        assert sum(m.purpose is Purpose.ANSWER for m in self.request.messages) == self.answers
        for message in self.request.messages:
            copies = self.mailbox.get(message.key, [])
            assert all(copy == self.chosen[message.key] for copy in copies)
            assert message.fate is not Fate.SENT or copies
            if message.fate is Fate.WAITING:
                assert not copies, "the sender has come back"

    def do_next(self, who: Who, step: Step) -> None:
        self.at += timedelta(minutes=1)
        match step:
            case _ if who is Who.OUTBOX:
                for message in self.request.messages:
                    if message.fate is Fate.WAITING:
                        self.send(message, dies=False)
            case Step.SUBMIT:
                urgency = sorted(self.house.urgencies)[0]
                self.act(do.Fill("101", "It", "What is asked", urgency, Reply(Way.EMAIL, "a@example.com")))
                self.submit()
            case Step.ASSIGN:
                self.assign(Assignee(AssigneeKind.PERSON, "101"))
            case Step.START:
                self.start()
            case Step.ANSWER:
                self.answer("Here it is")
            case Step.CLOSE if self.request.state is State.PENDING:
                self.close_without_reply("Asked")
            case Step.CLOSE:
                self.close(True, False)
            case Step.RESUME:
                assert who is Who.CUSTOMER
                self.receive(True)
            case _:
                raise AssertionError(step)


FREE_DAYS = st.sets(st.dates(date(2026, 11, 23), date(2026, 12, 20)), max_size=9)


def by_calendar(rules: LineRules, days: set[date]) -> LineRules:
    """The line's rules with these days declared free."""
    return replace(rules, time=WorkingTime(replace(rules.time.hours, extra_holidays=frozenset(days))))


def submitted(rules: LineRules, id_: str, urgency: str, at: datetime) -> Request:
    opened = open_request(RequestId(id_), rules.line, "101", at, at, rules).request
    reply = Reply(Way.EMAIL, "a@example.com")
    filled = done(opened, do.Fill("101", "It", "What is asked", urgency, reply), at, rules).request
    return done(filled, do.Submit("101", Counter(rules.line, 2026)), at, rules).request


@given(
    rules=st.sampled_from([ESTP, TBS]),
    asked=st.tuples(LENGTHS, LENGTHS),
    waits=st.none() | st.tuples(LENGTHS, LENGTHS),
    calendars=st.lists(FREE_DAYS, min_size=1, max_size=4),
    data=st.data(),
)
@settings(deadline=None)
def test_no_calendar_moves_an_answer_past_the_date_that_was_told_to_whose_request_was_merged(
    rules: LineRules,
    asked: tuple[timedelta, timedelta],
    waits: tuple[timedelta, timedelta] | None,
    calendars: list[set[date]],
    data: st.DataObject,
) -> None:
    """Nothing but the time that a customer takes for a reply: that moves it as far as the clock stood still."""
    begin = moscow("2026-11-23 12:00")
    urgency = st.sampled_from(sorted(rules.urgencies))
    goes, stays = (
        submitted(rules, id_, data.draw(urgency), begin + late) for id_, late in zip("12", asked, strict=True)
    )
    at = begin + max(asked)
    merged = merge(goes, stays, "head", "the same", at, rules)
    assert not isinstance(merged, Refused)
    request, theirs = merged[1].request, goes.target(TargetKind.ANSWER)
    if theirs is None:  # a technical error is promised no date
        return
    told = theirs.due
    if waits is not None:
        request = done(request, do.Assign("head", Assignee(AssigneeKind.PERSON, "101")), at, rules).request
        request = done(request, do.Start("101"), at, rules).request
        request = done(request, do.Ask("101", "Which?", "why"), at := at + waits[0], rules).request
        request = done(request, do.Receive("customer"), over := at + waits[1], rules).request
        if at < theirs.due:
            told = max(told, rules.time.end_of_day(told, rules.time.days_between(at, over) + 1))
    for days in calendars:
        request = done(request, do.Recompute("calendar", "why"), request.changed_at, by_calendar(rules, days)).request
        answer = request.target(TargetKind.ANSWER)
        assert answer is not None
        assert answer.due <= told


AnyRequest.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyRequest = AnyRequest.TestCase
