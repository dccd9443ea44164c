"""Describes for an engineer what is wrong with a configuration: where, what was found, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from callcenter.config.section import OWN_NAME
from callcenter.config.yaml_file import Document, Location
from callcenter.core.errors import ReadableError

_ALLOWED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of reasonable size",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "one text",
    "string_too_long": "at most {max_length} characters",
    "path_type": "a file or folder",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number from {ge} up",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number up to {le}",
    "too_short": "at least {min_length} entry",
    "too_long": "at most {max_length} entries",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "dict_type": "settings in the form `name: value`, indented below",
    "model_type": "settings in the form `name: value`, indented below",
    "tuple_type": "a list, such as [first, second]",
    "frozen_set_type": "a list, such as [first, second]",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `text` says what was found and what is allowed."""

    location: Location
    text: str

    def sentence(self, document: Document) -> str:
        """Return `path.to.setting: what was found; what is allowed`, with the line of the file."""
        path = ".".join(str(part) for part in self.location) or "the file"
        line = document.line(self.location)
        return f"{path}: {self.text}" + (f" (line {line})" if line else "")


class ConfigError(ReadableError):
    """The configuration cannot be used. The text lists everything that is wrong, one problem per line."""

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"{path}: {count}\n" + "\n".join(f"  {problem}" for problem in self.problems))


def field_problems(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return the problems of single values and sections."""
    details = error.errors(include_url=False)
    # For a wrong name of an entry, pydantic's location ends in '[key]'; the entry's settings are not checked further.
    misnamed = {detail["loc"][:-1] for detail in details if detail["loc"][-1:] == ("[key]",)}
    found = []
    for number, detail in enumerate(details):
        if detail["type"] == "too_short" and number and details[number - 1]["loc"][:-1] == detail["loc"]:
            continue  # a consequence only: the wrong entry was not counted
        location = detail["loc"][:-1] if detail["loc"][-1:] == ("[key]",) else detail["loc"]
        if location is not detail["loc"] or not any(location[: len(name)] == name for name in misnamed):
            found.append(Problem(location, _text(detail, model)))
    return found


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that was probably meant, or list all known names."""
    names = sorted(known)
    if close := difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6):
        return f"{close[0]!r} perhaps"
    return f"known here: {', '.join(names)}" if names else "nothing is known here"


def _text(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "missing":
        return "found nothing; this setting is required"
    if kind == "extra_forbidden":
        *above, name = details["loc"]
        return f"found an unknown setting; {nearest(str(name), _known_names(model, above))}"
    if kind == "value_error":
        message = str(context["error"])
        # Validators of whole sections say themselves what was found.
        return message if message.startswith("found ") else f"found {_shown(details['input'])}; allowed: {message}"
    allowed = _ALLOWED[kind].format(**context) if kind in _ALLOWED else details["msg"]
    return f"found {_shown(details['input'])}; allowed: {allowed}"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "settings" if value else "nothing"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list" if value else "an empty list"
    text = repr(value)
    return text if len(text) <= 70 else f"{text[:60]}… ({len(str(value))} characters)"


def _known_names(model: type[BaseModel], above: Iterable[str | int]) -> list[str]:
    """Return the names of the settings that exist at the end of a path."""
    annotation: Any = model
    for part in above:
        annotation = inside(annotation, part)
    if not is_model(annotation):
        return []
    names = (field.alias or name for name, field in annotation.model_fields.items())
    return [name for name in names if not name.startswith(OWN_NAME[0])]


def inside(annotation: Any, part: str | int) -> Any:
    """Return what a setting of a section is: of an optional one, what it is if it is there; None: there is none."""
    if is_model(annotation):
        fields = annotation.model_fields
        field = next((field for name, field in fields.items() if (field.alias or name) == part), None)
        annotation = field.annotation if field else None
    elif get_origin(annotation) is dict:
        annotation = get_args(annotation)[1]
    else:
        annotation = None
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation


def is_model(annotation: Any) -> bool:
    """Return whether it is a section."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
