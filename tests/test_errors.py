"""One base class for the errors that people see."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import callcenter
from callcenter.core.errors import ReadableError

NOT_FOR_PEOPLE = {
    "NoSignature": "kept as the reason why a signature was not read (system/cms.py)",
    "YamlError": "part of a sentence: the configuration and the secrets name the file in theirs",
    "SoundError": "part of a sentence: what a recording 'has' or 'is'",
    "BadRequest": "an answer of the API, put into the reader's language when it is sent",
    "Refused": "an answer of the public pages, put into the reader's language when it is sent",
    "RefusedError": "an answer of the requests' rules: `decide` returns what it says as `Refused`",
    "BotError": "part of a sentence: the log and a receipt say whose bot it is",
    "IllegalTransition": "a defect of ours",
    "Defect": "a defect of ours",
}
"""Errors of ours whose text nobody is shown as it is, and why."""


def ours() -> Iterator[type[Exception]]:
    for module in pkgutil.walk_packages(callcenter.__path__, "callcenter."):
        if ".migrations." in module.name or module.name.endswith("__main__"):
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and issubclass(thing, Exception) and thing.__module__ == module.name:
                yield thing


def test_every_error_that_people_see_is_readable() -> None:
    others = {error.__name__ for error in ours() if not issubclass(error, ReadableError)}
    assert others == set(NOT_FOR_PEOPLE)
