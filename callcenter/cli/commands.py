"""The commands of `callcenter`: where each is found, and the line that `--help` has for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import click

from callcenter.cli.options import config_option


@dataclass(frozen=True, slots=True)
class Place:
    """The module of a command, the command's name there, and its first sentence: `--help` needs no module for it."""

    module: str
    name: str
    summary: str


@dataclass(frozen=True, slots=True)
class Group:
    """Commands that have one word in common."""

    summary: str
    commands: Mapping[str, Place | Group]
    asks_config: bool = True
    """It has the option `--config`; otherwise its commands have it, or the group that it is in."""


class Commands(click.Group):
    """A group whose commands are imported when they are asked for: each needs libraries that others do not."""

    def __init__(self, *args: Any, places: Mapping[str, Place | Group], **more: Any) -> None:
        super().__init__(*args, **more)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in alphabetical order."""
        return sorted(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command and return it; None: there is none of that name."""
        place = self.places.get(cmd_name)
        if place is None:
            return None
        if isinstance(place, Group):
            return _group(cmd_name, place)
        return cast(click.Command, getattr(import_module(f"callcenter.cli.{place.module}"), place.name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names with their first sentences, without importing anything."""
        limit = formatter.width - 6 - max(map(len, self.places))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=self.places[name].summary).get_short_help_str(limit))
                    for name in sorted(self.places)
                ]
            )


def _group(name: str, group: Group) -> Commands:
    made = Commands(name, places=group.commands, help=group.summary)
    if group.asks_config:
        made.callback = _remember_config
        config_option(made)
    return made


@click.pass_context
def _remember_config(context: click.Context, config_path: Path) -> None:
    context.obj = config_path
