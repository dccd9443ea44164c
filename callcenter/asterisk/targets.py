"""The numbers that a phone may dial for colleagues, and those that its own transfer key may dial."""

from __future__ import annotations

import re
from collections.abc import Collection

from callcenter.asterisk.translate import Target
from callcenter.config import GENERAL_CODE, Config
from callcenter.config.values import dialled_forms
from callcenter.core.events import GENERAL_LINE

_KEYS = re.compile(r"[0-9*#]{1,40}")
"""What can be dialled. A phone's name may be a word, and some words have a meaning in a dialplan."""


def transfer_targets(config: Config) -> dict[str, Target]:
    """Return what an operator may dial after the phone's own transfer key, and where it leads.

    It is a code as during a conversation, a colleague's id or phone, or the number of a general line.
    """
    codes = config.codes
    found: dict[str, Target] = {}
    for person in config.call_takers.values():
        found.setdefault(person.phone, Target(colleague=person.id))
    for person in config.call_takers.values():
        found[person.id] = Target(colleague=person.id)
    for group in config.groups.values():
        if group.transfer_code:
            for code in (codes.transfer, codes.consult):
                found[code + group.transfer_code] = Target(group.id)
    for line in config.lines.values():
        if line.general_line:
            found |= dict.fromkeys(dialled_forms(line.general_line), Target(GENERAL_LINE))
    found[codes.not_customer] = Target(GENERAL_LINE, not_customer=True)
    found[codes.transfer + GENERAL_CODE] = Target(GENERAL_LINE)
    return found


def dialled_colleagues(config: Config, taken: Collection[str]) -> list[str]:
    """Return what a phone may dial to talk with a colleague: no outside number. `taken`: the codes dialled at rest."""
    targets = transfer_targets(config)
    return [
        number
        for number, target in targets.items()
        if target.group != GENERAL_LINE and number not in taken and _KEYS.fullmatch(number)
    ]
