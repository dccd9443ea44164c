"""The words in which an operator tells until when an answer comes (ESTP 5.5.1), and in which things are refused."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from callcenter.desk.request_refusals import file_sentence, sentence
from callcenter.desk.request_words import words_to_say
from callcenter.request_register.errors import FILE_SENTENCES, ActionRefused, AttachmentError, FileProblem
from callcenter.requests.lifecycle import State, Step
from callcenter.requests.refusal import SENTENCES, Reason, Refused, Thing, Value
from callcenter.requests.request import Way
from tests.requests.lines import MOSCOW, moscow


@pytest.mark.clause("ESTP 5.5.1")
@pytest.mark.parametrize(
    ("due", "ru", "en"),
    [
        (
            "2026-12-02 18:00",
            "Ответ будет дан до 18:00 2 декабря, среда.",
            "You will have the answer by 18:00 on Wednesday, 2 December.",
        ),
        (
            "2027-01-11 09:05",
            "Ответ будет дан до 09:05 11 января 2027 года, понедельник.",
            "You will have the answer by 09:05 on Monday, 11 January 2027.",
        ),
        (
            "2027-01-01 00:00",
            "Ответ будет дан до 24:00 31 декабря, четверг.",
            "You will have the answer by 24:00 on Thursday, 31 December.",
        ),
    ],
)
def test_a_date_is_told_with_its_weekday(due: str, ru: str, en: str) -> None:
    assert words_to_say(moscow(due), MOSCOW, moscow("2026-11-30 12:00")) == {"ru": ru, "en": en}


VALUES: dict[str, Value] = {
    "minutes": 15,
    "plan": "<i>Базовый</i>",
    "days": 7,
    "most": 15,
    "step": Step.HAND_BACK,
    "state": State.IN_WORK,
    "possible": (Step.ASK, Step.ANSWER),
    "thing": Thing.ADDRESS,
    "way": Way.LETTER,
    "known": (),
    "length": 2001,
    "longest": 2000,
    "fewest": 5,
    **{name: datetime(2026, 11, 28, 12, tzinfo=MOSCOW) for name in ("than", "before", "opens", "until")},
    "given": "<b>{what}</b>",
}


@pytest.mark.parametrize("reason", Reason)
def test_each_refusal_is_a_whole_sentence_in_both_languages(reason: Reason) -> None:
    named = re.findall(r"{(\w+)}", SENTENCES[reason][1])
    refused = ActionRefused(Refused(reason, {name: VALUES[name] for name in named}))
    english, russian = sentence(refused, "en"), sentence(refused, "ru")
    assert english.endswith(".")
    assert english[0].isupper() or english[0] in "“<"
    assert not re.search("[a-z]{3}", re.sub("<b>{what}</b>|name@example.ru", "", russian)), "no English word is left"
    assert len(re.findall("28 ноября 2026, 12:00", russian)) == len({"than", "before", "opens", "until"} & set(named))
    assert ("<b>{what}</b>" in russian) is ("given" in named), "what was given is no format"


@pytest.mark.parametrize("problem", FileProblem)
def test_what_is_wrong_with_a_file_is_said_in_both_languages(problem: FileProblem) -> None:
    names = re.findall(r"{(\w+)}", FILE_SENTENCES[problem])
    refused = AttachmentError(problem, **{name: ("a", "b") if name == "allowed" else "{x}" for name in names})
    assert file_sentence(refused, "en").endswith(".")
    assert not re.search("[a-z]{3}", file_sentence(refused, "ru"))


def test_a_refusal_names_states_and_steps_as_the_pages_do() -> None:
    no = ActionRefused(Refused(Reason.NOT_IN_STATE, {name: VALUES[name] for name in ("step", "state", "possible")}))
    assert sentence(no, "ru") == (
        "Действие «Вернуть руководителю» невозможно, пока состояние обращения — «в работе»; "
        "возможно: Запросить данные у заявителя, Ответить."
    )
