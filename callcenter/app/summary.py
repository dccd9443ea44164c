"""The text that `callcenter run` prints when the line is ready: its state, how to call it, who can log in and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from callcenter.accounts.secrets import Secrets
from callcenter.app.phone_sheet import server
from callcenter.calendar.hours import WorkingHours
from callcenter.config import Config, SipAddress
from callcenter.core.ids import LineId
from callcenter.core.view import View
from callcenter.system.own_address import reachable


def summary(
    config: Config,
    secrets: Secrets | None,
    view: View,
    now: datetime,
    hours: Callable[[LineId], WorkingHours] | None = None,
) -> Iterator[str]:
    """Yield the lines to print at `now`. Without `secrets`, no lines with passwords (for output that goes to a log).

    `hours`: those of a line that are in force; None: as configured.
    """
    for line in config.lines.values():
        seen = view.lines[line.id]
        found = hours(line.id) if hours else line.hours.calendar
        until = found.next_change(now).astimezone(line.zone)
        state = "open" if seen.open else "closed"
        yield f"Line '{line.id}' ({line.title}): {state} until {until:%A %d %B %H:%M} {line.zone}"
    sip = server(config)
    page = SipAddress(reachable(config.http.bind), config.http.port)
    yield f"  Asterisk:  {'connected' if view.asterisk_connected else 'NOT CONNECTED, see the log above'}"
    for line in config.lines.values():
        number = line.numbers[0].lstrip("+")
        yield f"  Call it:   sip:{number}@{sip}"
    for trunk in config.trunks.values():
        source = ", ".join(map(str, trunk.networks)) or f"the provider {trunk.provider.host if trunk.provider else ''}"
        yield f"             from {source} (trunk '{trunk.id}')"
    headset = "; with a headset, it is the operator's phone" if config.asterisk.browsers else ""
    scheme = "https" if config.tls else "http"
    yield f"  Web page:  {scheme}://{page}/   (also /metrics and /healthz){headset}"
    if secrets:
        yield from _people(config, secrets, sip)
    yield f"  Recordings go to {config.recordings.folder}, everything else to {config.var}. Ctrl-C stops all."


def _people(config: Config, secrets: Secrets, sip: SipAddress) -> Iterator[str]:
    if not config.people:
        return
    codes = config.codes
    yield (
        f"  Phones log in with {codes.log_in}, then id and PIN; "
        f"{codes.log_out} out, {codes.pause} pause, {codes.return_} back."
    )
    yield f"    {'id':<6}{'name':<22}{'group':<11}{'password':<18}{'PIN':<9}phone"
    for person in config.people.values():
        first = secrets.initial(person.id)
        password, pin = (first.password, first.pin) if first else ("(changed)", "(changed)")
        if not person.takes_calls:
            roles = ", ".join(sorted(person.roles))
            yield f"    {person.id:<6}{person.name:<22}{'–':<11}{password:<18}{'–':<9}no calls: {roles}, at …/account"
            continue
        phone = config.phones[person.phone]
        where = f"at {phone.address}"
        if phone.sip_registers:
            where = f"sip:{phone.id}@{sip}, password {secrets.phones[phone.id]}"
        yield f"    {person.id:<6}{person.name:<22}{person.group:<11}{password:<18}{pin:<9}{where}"
