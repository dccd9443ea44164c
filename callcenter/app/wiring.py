"""Builds a link to Asterisk and its parts from the configuration."""

from __future__ import annotations

from datetime import UTC, datetime

from callcenter.accounts.secrets import Secrets
from callcenter.app.warm_start import WarmStart
from callcenter.asterisk.ami import AmiSettings
from callcenter.asterisk.journal import Journal
from callcenter.asterisk.link import Link, LinkSettings, Listener
from callcenter.asterisk.render import Folders, endpoints
from callcenter.asterisk.translate import Translator
from callcenter.calendar.clock import Clock
from callcenter.config import Config
from callcenter.customers.directory import Directory, normalise, valid_inn


def make_link(
    config: Config, secrets: Secrets, directory: Directory, before: WarmStart, clock: Clock, listener: Listener
) -> Link:
    """Return the link to the configured Asterisk; it continues where the previous controller stopped (`before`)."""
    folders, asterisk, last = Folders.under(config.var), config.asterisk, before.before
    queues = {
        group: [f"cc-{line.id}" for line in config.lines.values() if group in line.answered_by]
        for group in config.groups
    }
    translator = Translator(
        normalise,
        directory.by_number,
        directory.by_inn,
        valid_inn,
        tuple(config.pause_reasons),
        config.prompts,
        folders.recording,
    )
    journal = Journal(
        folders.journal,
        config.phones,
        normalise,
        lambda epoch: clock.at(datetime.fromtimestamp(epoch, UTC)),
        clock.wall,
        last.journal if last else None,
    )
    return Link(
        LinkSettings(
            AmiSettings(asterisk.ami_host, asterisk.ami_port, "callcenter", secrets.ami), endpoints(config), queues
        ),
        translator,
        journal,
        clock.wall,
        listener,
        last.asterisk if last else "",
        None if last and last.journal else clock.wall().timestamp(),
    )
