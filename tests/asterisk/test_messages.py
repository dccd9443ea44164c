"""What Asterisk sends and what we send it: bytes in, messages out; nothing breaks out of its line."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callcenter.asterisk.messages import (
    MAX_LINE,
    MAX_MESSAGE,
    Headers,
    MessageReader,
    UnfitError,
    _parsed,
    parse,
    rendered,
)

STREAM = (
    "Asterisk Call Manager/9.0.0\r\n"
    "Response: Success\r\nActionID: 1\r\nMessage: Authentication accepted\r\n\r\n"
    "Event: NewCallerid\r\nCallerIDName: Жуков-Ёлкин 📞\r\nCallerIDNum: 73422921960\r\nExten: \r\n\r\n"
    "Event: Status\r\nVariable: LINE=estp\r\nVariable: PLACE=7\r\n\r\n"
    "\r\nno colon here\r\n\r\n"
    "Event: Hangup\r\nUniqueid: 1.1\r\nCause: 16\r\n\r\n"
).encode()


def read(*chunks: bytes) -> list[dict[str, str]]:
    reader = MessageReader()
    return [dict(message) for chunk in chunks for message in reader.feed(chunk)]


def test_a_stream_is_read_as_asterisk_meant_it() -> None:
    assert read(STREAM) == [
        {"Response": "Success", "ActionID": "1", "Message": "Authentication accepted"},
        {"Event": "NewCallerid", "CallerIDName": "Жуков-Ёлкин 📞", "CallerIDNum": "73422921960", "Exten": ""},
        {"Event": "Status", "Variable": "LINE=estp\nPLACE=7"},
        {"Event": "Hangup", "Uniqueid": "1.1", "Cause": "16"},
    ]


def test_byte_by_byte_loses_no_cyrillic_letter() -> None:
    assert read(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == read(STREAM)


@given(
    stream=st.lists(
        st.sampled_from([STREAM, b"\r\n", b"\r", b"\n", b"\r\n\r\n", b"Event: ", b"Response: Follows", "Щ".encode()])
        | st.binary(max_size=20)
    ).map(b"".join),
    cuts=st.lists(st.integers(0, 2000), max_size=8),
)
@example(stream="Event: Щ\r\n\r\n".encode(), cuts=[8])
@example(stream=b"Event: A\r\n\r\n", cuts=[9, 10, 11])
def test_any_stream_cut_anywhere_gives_the_same_messages(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    assert read(*(stream[a:b] for a, b in zip(edges, edges[1:], strict=False))) == read(stream)


def test_what_stands_in_several_headers_of_one_name_is_all_kept() -> None:
    message = parse("Event: X\r\nChannel: a\r\nChannel: b\r\nDestChanVariable: A=1\r\nDestChanVariable: B=2")
    assert message == {"Event": "X", "Channel": "a\nb", "DestChanVariable": "A=1\nB=2"}


def test_a_line_feed_in_a_callers_name_does_not_forge_a_variable() -> None:
    message = parse("Event: Status\r\nVariable: NAME=Ivan\nROLE=customer\r\nVariable: ROLE=unknown")
    assert message is not None
    assert message["Variable"].split("\n") == ["NAME=Ivan ROLE=customer", "ROLE=unknown"]


def test_a_header_cannot_change_the_kind_of_a_message() -> None:
    message = parse("Event: UserEvent\r\nUserEvent: note\r\nEvent: Hangup")
    assert message == {"Event": "UserEvent", "UserEvent": "note"}


def test_the_event_about_an_originate_is_an_event_though_it_has_a_response() -> None:
    message = parse("Event: OriginateResponse\r\nResponse: Failure\r\nReason: 5")
    assert message == {"Event": "OriginateResponse", "Response": "Failure", "Reason": "5"}


def test_command_output_old_and_new() -> None:
    new = parse("Response: Success\r\nMessage: Command output follows\r\nOutput: one\r\nOutput: two: 2")
    old = parse("Response: Follows\r\nPrivilege: Command\r\nActionID: 7\r\none\ntwo: 2\n--END COMMAND--")
    assert new is not None
    assert old is not None
    assert new["Output"] == "one\ntwo: 2"
    assert old["Output"].startswith("one\ntwo: 2\n")
    assert old["ActionID"] == "7"


def test_the_longest_message_is_read_and_a_longer_one_is_refused_however_it_is_cut() -> None:
    longest = b"Event: " + b"x" * (MAX_MESSAGE - 7)
    assert len(read(longest + b"\r\n\r", b"\n")) == 1
    for chunks in ([longest + b"x\r\n\r\n"], [longest, b"x\r\n\r\n"]):
        with pytest.raises(ValueError, match="no end of a message"):
            read(*chunks)


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\0b", "a\r\nAction: Originate"])
def test_nothing_that_ends_a_line_gets_into_an_action(bad: str) -> None:
    for headers in ({"CallerID": bad}, {bad: "x"}, {"Variable": ["A=1", f"B={bad}"]}):
        with pytest.raises(ValueError, match="must not contain CR, LF or NUL"):
            rendered({"Action": "Setvar", **headers})


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Variable": "N=" + "я" * 2000}, f"Variable makes a line of 4012 bytes, Asterisk takes at most {MAX_LINE}"),
        ({"Variable": ["A=1", "N=\ud800"]}, "Variable is not valid Unicode text"),
    ],
)
def test_a_header_that_asterisk_would_throw_away_is_named_before_it_is_sent(headers: Headers, why: str) -> None:
    with pytest.raises(UnfitError, match=why):
        rendered({"Action": "Setvar", **headers})


def test_an_action_is_sent_as_lines_of_its_headers_and_a_repeated_one_for_each_value() -> None:
    sent = rendered({"Variable": ["A=1", "N=Ёж 📞"], "Action": "Setvar", "ActionID": "7"})
    assert sent == "Action: Setvar\r\nActionID: 7\r\nVariable: A=1\r\nVariable: N=Ёж 📞\r\n\r\n"
    many = rendered({"Action": "Setvar", "Variable": [f"V{number}={'x' * 900}" for number in range(5)]})
    assert len(many) > MAX_LINE, "the limit is that of a line"


@given(
    st.lists(
        st.sampled_from(
            ["Event", "Response", "Variable", "Channel", "a:b", "Output", ": ", ":", "Follows", "\r", "\n", " "]
        )
        | st.sampled_from(
            ["Event: A\r\n", "Response: Success\r\n", "Channel: x\r\n", "Key:value\r\n", ":v\r\n", "noise\r\n"]
        )
        | st.text(max_size=3)
    ).map("".join)
)
@example("Event: A\r\nChannel: \r\n")
@example("Response: Success\r\nEvent: A")
@example("Event: A\r\n:a:b")
def test_the_quick_way_to_read_a_message_reads_it_as_the_careful_one(block: str) -> None:
    assert parse(block) == _parsed(block)
