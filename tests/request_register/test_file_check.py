"""Files and the virus scanner: what nobody has called clean is not handed out, and nothing is lost meanwhile."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.core.ids import LineId
from callcenter.request_register.attachments import Allowed, Attachments
from callcenter.request_register.errors import AttachmentError, FileProblem
from callcenter.request_register.file_check import FileCheck
from callcenter.request_register.filed import Filed
from callcenter.request_register.outbox import Came, Leaving, Outbox, Receipt
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.sender import OutboxSender
from callcenter.requests import actions as do
from callcenter.requests.request import Assignee, AssigneeKind, Fate, Way
from callcenter.store import Register
from callcenter.system.clamd import Scan, Verdict
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, MINUTE, act, new


@dataclass
class Scanner:
    """Says of each file what it is told to say."""

    answers: list[Scan] = field(default_factory=list)
    asked: int = 0

    async def scan(self, path: Path) -> Scan:
        assert os.path.isfile(path)  # noqa: PTH113, ASYNC240 - a moment
        self.asked += 1
        return self.answers.pop(0) if self.answers else Scan(Verdict.CLEAN)


@dataclass
class Postbox:
    took: list[str] = field(default_factory=list)

    async def deliver(self, leaving: Leaving) -> Receipt:
        self.took.append(leaving.text)
        return Receipt(Came.SENT)


@pytest.fixture
def attachments(database: Register, tmp_path: Path) -> Attachments:
    allowed = {LineId(line): Allowed(1_000_000, {"txt"}) for line in ("estp", "tbs")}
    return Attachments(database, tmp_path / "files", allowed, of_lines, checked=True)


async def content(text: bytes = b"a contract") -> AsyncIterator[bytes]:
    yield text


async def with_file(requests: RequestRegister, attachments: Attachments, text: bytes = b"a contract") -> Filed:
    filed = await new(requests)
    await attachments.add(filed.request.id, None, "a.txt", content(text), "101", CALLED)
    return await requests.filed(filed.request.id)


def checks(database: Register, attachments: Attachments, scanner: Scanner) -> FileCheck:
    return FileCheck(database, scanner, attachments.path, lambda: CALLED)  # type: ignore[arg-type]


async def test_a_file_is_handed_out_when_the_scanner_has_called_it_clean_and_not_before(
    database: Register, requests: RequestRegister, attachments: Attachments
) -> None:
    filed = await with_file(requests, attachments)
    [kept] = filed.attachments
    scanner = Scanner([Scan(Verdict.UNANSWERED, "away")])
    check = checks(database, attachments, scanner)
    assert not await check.check()
    assert (check.state.waiting, check.state.oldest) == (1, CALLED)
    with pytest.raises(AttachmentError, match="the virus scanner has not answered") as refused:
        await attachments.open(filed.request.id, kept.sha256)
    assert refused.value.problem is FileProblem.UNCHECKED
    assert await check.check()
    assert (check.state.waiting, check.state.clean) == (0, 1)
    _, file = await attachments.open(filed.request.id, kept.sha256)
    with file:
        assert file.read() == b"a contract"
    assert await check.check()
    assert scanner.asked == 2, "each once"


async def test_what_something_was_found_in_is_never_handed_out(
    database: Register, requests: RequestRegister, attachments: Attachments
) -> None:
    filed = await with_file(requests, attachments)
    check = checks(database, attachments, Scanner([Scan(Verdict.INFECTED, "Eicar\nTest")]))
    assert await check.check()
    [kept] = (await requests.filed(filed.request.id)).attachments
    assert kept.infected == "Eicar Test" or kept.infected == "EicarTest"
    with pytest.raises(AttachmentError, match="has found Eicar"):
        await attachments.open(filed.request.id, kept.sha256)
    assert attachments.path(LineId("estp"), kept.sha256).is_file(), "it is evidence until it is deleted"
    assert check.state.infected == 1


async def test_files_of_before_count_as_they_were(
    database: Register, requests: RequestRegister, attachments: Attachments, tmp_path: Path
) -> None:
    allowed = {LineId("estp"): Allowed(1_000_000, {"txt"})}
    before = Attachments(database, tmp_path / "files", allowed, of_lines)
    filed = await with_file(requests, before)
    scanner = Scanner()
    assert await checks(database, attachments, scanner).check()
    assert scanner.asked == 0
    _, file = await attachments.open(filed.request.id, filed.attachments[0].sha256)
    file.close()


@pytest.mark.parametrize(
    ("scan", "fate"), [(Scan(Verdict.UNANSWERED), Fate.WAITING), (Scan(Verdict.INFECTED, "Eicar"), Fate.FAILED)]
)
async def test_no_message_leaves_with_a_file_that_is_not_clean(
    database: Register, requests: RequestRegister, attachments: Attachments, scan: Scan, fate: Fate
) -> None:
    filed = await with_file(requests, attachments)
    [kept] = filed.attachments
    await checks(database, attachments, Scanner([scan])).check()
    filed = await act(requests, filed, do.Assign("401", Assignee(AssigneeKind.PERSON, "201")), CALLED + 3 * MINUTE)
    filed = await act(requests, filed, do.Start("201"), CALLED + 4 * MINUTE)
    await act(requests, filed, do.Answer("201", "Вот он.", files=(kept.sha256,)), CALLED + 5 * MINUTE)
    box, at = Postbox(), CALLED + 6 * MINUTE
    await OutboxSender(Outbox(database), requests, {Way.EMAIL: box}, timedelta(hours=48), lambda: at).send_due()
    filed = await requests.filed(filed.request.id)
    assert (box.took, filed.request.messages[-1].fate) == ([], fate)
    if fate is Fate.WAITING:
        await checks(database, attachments, Scanner()).check()
        later = CALLED + 10 * MINUTE
        await OutboxSender(Outbox(database), requests, {Way.EMAIL: box}, timedelta(hours=48), lambda: later).send_due()
        assert box.took == ["Вот он."]
