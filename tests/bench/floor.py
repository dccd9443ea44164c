"""What a floor page costs: bytes and processor time a second, with 200 people on shift and 100 callers waiting.

`python -m tests.bench.floor`: no telephone; the core, the views, their differences and the messages.
"""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import replace

from callcenter.core.events import LogIn, Pause, Return
from callcenter.core.ids import GroupId, LineId, PersonId, PhoneName
from callcenter.core.settings import Person, Settings
from callcenter.desk.floor_state import FloorStates, State, difference
from tests.core.story import ESTP, Story

PEOPLE, WAITING, SECONDS = 200, 100, 60


def busy() -> Story:
    """Everybody talks, and a hundred wait."""
    line = replace(ESTP, capacity=PEOPLE + WAITING + SECONDS + 10)
    people = {
        id: Person(id, f"Сотрудник {id}", GroupId("operators"), PhoneName(f"phone-{id}"))
        for number in range(PEOPLE)
        for id in [PersonId(str(1000 + number))]
    }
    story = Story(Settings({line.id: line}, people))
    story.opens()
    for id in people:
        story.tell(LogIn(id, True, reply_to="page"))
        story.waits()
        answer(story)
    for number in range(WAITING):
        story.passes(1)
        story.waits("urgent" if number % 4 == 0 else "normal")
    return story


def answer(story: Story) -> None:
    """Every phone that rings is answered."""
    for leg in [id for id, leg in story.pbx.legs.items() if not leg.answered]:
        story.act(story.pbx.answer, leg)


def size(message: object) -> int:
    """Bytes of a message."""
    return len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode())


def measured() -> dict[str, float]:
    """A minute in which every second one caller is served, one arrives, and somebody takes a break."""
    story, states = busy(), FloorStates({LineId("estp"): "ЕСТП"}, {}, dict)
    state: State = states.of_floor(story.center.floor(story.now))
    whole, sizes, looks = size(state), [], []
    people = list(story.settings.people)
    for second in range(SECONDS):
        for what in ("served", "break", "nothing", "nothing", "nothing"):
            if what == "served":
                story.act(story.pbx.hang_up, next(iter(story.pbx.legs)))
                story.passes(story.settings.wrap_up / 100)
                story.tell(*(Return(person) for person in people[: PEOPLE // 2]))
                answer(story)
                story.waits()
            elif what == "break":
                person = people[PEOPLE - 1 - second // 2]
                story.tell(Pause("lunch", person) if second % 2 == 0 else Return(person))
            story.passes(0.2)
            began = time.process_time()
            now = states.of_floor(story.center.floor(story.now))
            news = difference(now, state)
            sizes.append(size(news) if news else 0)
            looks.append(time.process_time() - began)
            state = now
    return {
        "whole, bytes": whole,
        "bytes a second": sum(sizes) / SECONDS,
        "processor, ms a look": 1000 * statistics.mean(looks),
        "processor, share at five looks a second": 5 * statistics.mean(looks),
    }


if __name__ == "__main__":
    for name, value in measured().items():
        print(f"{name}: {value:.3g}" if value < 100 else f"{name}: {value:.0f}")
