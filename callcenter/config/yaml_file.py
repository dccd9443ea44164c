"""Reads YAML without guessing: every scalar stays text, and the line of every value is known.

YAML 1.1 reads 18:00 as the number 1080, 0101 as the number 65 and `no` as a boolean. Here a scalar stays text (an empty
one, `~` or `null` is None), and the types of the settings decide. A key that occurs twice is reported; YAML would use
the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Location = tuple[str | int, ...]
"""Where a setting is: the keys and list indexes from the top of the file."""


class YamlError(Exception):
    """The text is not usable YAML. The message contains the line number, but none of the content."""


@dataclass
class Document:
    """The content of a YAML file with the line of each value."""

    data: Any = None
    lines: dict[Location, int] = field(default_factory=dict)
    duplicates: list[Location] = field(default_factory=list)

    def line(self, location: Location) -> int | None:
        """Return the line of the setting or, if it is absent, of what should contain it."""
        for length in range(len(location), 0, -1):
            if location[:length] in self.lines:
                return self.lines[location[:length]]
        return None


def read_yaml(path: Path) -> Document:
    """Parse the file. Raises OSError if it cannot be read, YamlError if it is not YAML."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise YamlError(f"line {line}: found a byte that is not UTF-8; the file is a text in UTF-8") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise YamlError(f"{where}: not valid YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise YamlError(f"line {line}: found a control character; the file is plain text") from None
    except RecursionError:
        raise YamlError("not valid YAML: nested too deeply") from None
    document = Document()
    if root is not None:
        document.data = _build(root, (), document, ())
    return document


def _build(node: yaml.Node, location: Location, document: Document, above: tuple[yaml.Node, ...]) -> Any:
    document.lines.setdefault(location, node.start_mark.line + 1)
    if node in above or len(above) > 20:
        raise YamlError(f"line {node.start_mark.line + 1}: nested too deeply, or an alias that contains itself")
    if isinstance(node, yaml.MappingNode):
        data: dict[str, Any] = {}
        for key, value_node in _entries(node):
            place = (*location, key)
            if key in data:
                document.duplicates.append(place)
                document.lines[place] = value_node.start_mark.line + 1
            data[key] = _build(value_node, place, document, (*above, node))
        return data
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*location, index), document, (*above, node)) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null"):
        return None
    return node.value


def _entries(node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError(f"line {key.start_mark.line + 1}: found a list or a mapping as a key; a name is allowed")
        yield key.value, value
