"""The option `--config` of every command, and loading the configuration that it names."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from callcenter.config.configuration import Config

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("config.yaml"),
    show_default=True,
    help="The controller's settings.",
)


class Finite(click.FloatRange):
    """A range of numbers that also refuses "nan", which no bound excludes."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; click's usage error if it is not a number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def load(path: Path) -> Config:
    """Load the configuration. If it is wrong, the command ends and prints all problems."""
    # Only here: listings of commands, which need no configuration, answer at once.
    from callcenter.config.configuration import Config
    from callcenter.config.problems import ConfigError

    try:
        return Config.load(path)
    except ConfigError as problem:
        raise click.ClickException(str(problem)) from problem


def pass_config(command: Callable[..., None]) -> Callable[..., None]:
    """Pass the configuration to a group's command. It is read only when the command runs: `--help` does not need it."""

    @click.pass_obj
    @wraps(command)
    def configured(path: Path, /, *args: Any, **kwargs: Any) -> None:
        command(load(path), *args, **kwargs)

    return configured
