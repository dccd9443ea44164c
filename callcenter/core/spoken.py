"""Numbers and dates as lists of recorded words.

The prompts are families of the catalogue: `number`, `answer-by`, `month`, `hours`, `hour`, `minutes`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

FIVE_MINUTES = timedelta(minutes=5)


def number_words(number: int) -> tuple[str, ...]:
    """Return a number as it is dictated in Russian: in groups of three digits, leading zeros one by one.

    12045 is «двенадцать, ноль, сорок пять»; every word stays up, because something follows.
    """
    groups = f"{number:,}".split(",")
    return tuple(word for place, group in enumerate(groups) for word in _group(group, whole=place > 0))


def _group(digits: str, *, whole: bool) -> tuple[str, ...]:
    value = int(digits)
    if not value:
        return ("number-0",) * (3 if whole else 1)
    zeros = ("number-0",) * (3 - len(str(value))) if whole else ()
    hundreds = (f"number-{value // 100 * 100}",) if value >= 100 else ()
    return (*zeros, *hundreds, *((f"number-{value % 100}",) if value % 100 else ()))


def until_words(moment: datetime) -> tuple[str, ...]:
    """Return «Ответ — не позднее второго, декабря, восемнадцати часов»: day, month and time of a moment in its zone.

    Rounded up to five minutes, so that nobody is told an earlier time than is promised. Midnight belongs to the day
    that it ends.
    """
    begun = moment.second > 0 or moment.microsecond > 0
    since_midnight = timedelta(hours=moment.hour, minutes=moment.minute + begun)
    time = -(-since_midnight // FIVE_MINUTES) * FIVE_MINUTES
    day = moment.date()
    if not time:
        day, time = day - timedelta(days=1), timedelta(days=1)
    hours, minutes = divmod(time // timedelta(minutes=1), 60)
    date = (f"answer-by-{day.day}", f"month-{day.month}")
    return (*date, f"hours-{hours}", f"minutes-{minutes}") if minutes else (*date, f"hour-{hours}")
