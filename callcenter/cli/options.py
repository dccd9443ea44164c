"""The option `--config` of every command, and reading what it names."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from callcenter.config.configuration import Config
from callcenter.config.problems import ConfigError

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("config.yaml"),
    show_default=True,
    help="The controller's settings.",
)


class Finite(click.FloatRange):
    """A range of numbers that also refuses "nan", which is beyond no bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; click's usage error for what is none."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def load(path: Path) -> Config:
    """The configuration; what is wrong with it ends the command with all of it told."""
    try:
        return Config.load(path)
    except ConfigError as problem:
        raise click.ClickException(str(problem)) from problem


def pass_config(command: Callable[..., None]) -> Callable[..., None]:
    """Give a group's command the configuration, read only when it runs: help needs none."""

    @click.pass_obj
    @wraps(command)
    def configured(path: Path, /, *args: Any, **kwargs: Any) -> None:
        command(load(path), *args, **kwargs)

    return configured
