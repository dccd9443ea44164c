"""`callcenter recordings`: verify, repair, list, hold and delete recordings (ESTP 2.6)."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import click

from callcenter.app.register import open_register
from callcenter.asterisk.render import Folders
from callcenter.calendar.clock import wall_clock
from callcenter.cli.access import noted, person
from callcenter.cli.options import pass_config
from callcenter.cli.question import run_query
from callcenter.config import Config
from callcenter.recordings.adoption import Adoption
from callcenter.recordings.manifest import Action, Entry, Head, Manifest, ManifestError
from callcenter.recordings.repair import CannotRepairError, Repair
from callcenter.recordings.retention import Retention, held, last_words
from callcenter.recordings.verification import Scope, Verification
from callcenter.reports.conversations import Conversation, Conversations
from callcenter.system import files

_PAGE = 500


def _which(command: Callable[..., None]) -> Callable[..., None]:
    day = click.DateTime(["%Y-%m-%d"])
    for option in (
        click.option("--line", help="Only this line."),
        click.option("--until", type=day, help="To this day of the call's end, included."),
        click.option("--since", type=day, help="From this day on."),
    ):
        command = option(command)
    return command


def _scope(config: Config, since: datetime | None, until: datetime | None, line: str | None) -> Scope:
    if line is not None and line not in config.lines:
        raise click.BadParameter(f"no line '{line}'; configured: {', '.join(config.lines)}", param_hint="--line")
    if since and until and since > until:
        raise click.UsageError(f"--since {since.date()} is later than --until {until.date()}")
    return Scope(since.date() if since else None, until.date() if until else None, line)


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    number, _, digest = text.partition(":")
    if not (number.isdecimal() and len(digest) == 64):
        raise click.BadParameter(f"{text!r} is not NUMBER:HASH, as `verify` prints it")
    return Head(int(number), digest)


@click.command("verify")
@_which
@click.option("--quick", is_flag=True, help="Do not read the files: presence and length only, no hash, no silence.")
@click.option(
    "--head", callback=lambda _context, _option, text: _head(text), help="The manifest's head as it was noted earlier."
)
@pass_config
def verify(
    config: Config, since: datetime | None, until: datetime | None, line: str | None, quick: bool, head: Head | None
) -> None:
    """Compare chain, files and register; everything that is wrong is told, and the command then ends with 1.

    Note the head that is printed where nobody who can change recordings can change it too, and give it to a later
    `verify` with --head: then not even a manifest that was written anew as a whole goes unnoticed.
    """
    scope = _scope(config, since, until, line)
    told = 0

    async def look() -> None:
        nonlocal told
        async with _register(config) as rows:
            verification = Verification(
                _manifest(config),
                rows,
                config.zone,
                config.retention_days,
                Folders.under(config.var).recording,
                wall_clock(),
                scope=scope,
                listen=not quick,
                grace=config.recordings.check_after,
                expected=head,
            )
            async for problem in verification.problems():
                told += 1
                click.echo(problem)
        found = f" ({verification.found} from before the manifest)" if verification.found else ""
        click.echo(f"conversations: {verification.conversations}, files: {verification.files}{found}, problems: {told}")
        click.echo(f"Head of the manifest: {verification.head}")

    _run_query(look())
    raise SystemExit(1 if told else 0)


@click.command("repair")
@click.argument("calls", nargs=-1)
@_which
@pass_config
def repair(
    config: Config, calls: tuple[str, ...], since: datetime | None, until: datetime | None, line: str | None
) -> None:
    """Put wrong recordings together again from what there is, or say why not; without CALLS, all that are wrong.

    A repaired recording is another file; the one before stays beside it, and the manifest has both. Ends with 1 if
    anything is still wrong.
    """
    scope, now = _scope(config, since, until, line), wall_clock()
    before = now - timedelta(seconds=config.recordings.check_after)
    repaired, wrong = 0, 0

    async def each() -> None:
        nonlocal repaired, wrong
        async with _register(config) as rows:
            work = Repair(
                _manifest(config),
                rows,
                config.zone,
                config.retention_days,
                Folders.under(config.var).recording,
                person(),
                now,
                before,
            )
            async for said in _conversations(rows, calls, scope, before, config.zone):
                try:
                    made = await work.repair(said)
                except (CannotRepairError, ManifestError, OSError) as error:
                    wrong += 1
                    click.echo(f"call {said.call}: {error}")
                    continue
                if made is None:
                    if calls:
                        click.echo(f"call {said.call}: nothing is wrong with its recording.")
                    continue
                repaired, wrong = repaired + 1, wrong + bool(made.problem)
                click.echo(f"call {said.call}: {made.how}: {made.recording.path}, {made.recording.seconds:.1f} s")
                if made.problem:
                    click.echo(f"call {said.call}: still wrong: {made.problem}")
        click.echo(f"repaired: {repaired}, still wrong: {wrong}")

    _run_query(each())
    raise SystemExit(1 if wrong else 0)


@click.command("list")
@_which
@pass_config
def list_recordings(config: Config, since: datetime | None, until: datetime | None, line: str | None) -> None:
    """List recordings and how long each is kept."""
    scope, zone = _scope(config, since, until, line), config.zone

    async def show() -> None:
        manifest = _manifest(config)
        holds = held(manifest)
        for entry in last_words(manifest):
            ended = _moment(entry).astimezone(zone(entry.line))
            if scope.has(entry.line, ended.date()):
                state = _state(entry, holds.get(entry.call), ended + timedelta(config.retention_days(entry.line)))
                click.echo(f"{ended:%Y-%m-%d %H:%M:%S}  {entry.line}  {entry.call}  {entry.seconds:7.1f} s  {state}")

    _run_query(show())


@click.command("proof")
@click.argument("call")
@pass_config
def proof(config: Config, call: str) -> None:
    """Print everything the manifest says of a call, as evidence."""

    async def show() -> None:
        entries = [entry for entry in _manifest(config).entries() if entry.call == call]
        if not entries:
            raise click.ClickException(f"the manifest has no entry of a call '{call}'")
        for entry in entries:
            click.echo(entry.dump().decode().rstrip())

    _run_query(show())


@click.command("copy")
@click.argument("call")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--why", required=True, help="What it is needed for; it is written down with your name.")
@pass_config
def copy(config: Config, call: str, file: Path, why: str) -> None:
    """Copy a call's recording to a new file, to listen to it or to hand it out; this is written down."""

    async def take() -> None:
        manifest = _manifest(config)
        last = _last_of(manifest, call)
        if last is None or last.action is Action.DELETED:
            raise click.ClickException(f"there is no recording of a call '{call}'; 'recordings list' names them")
        register = await open_register(config, create=False, busy_timeout=10)
        try:
            await noted(register, wall_clock(), "recordings copy", f"call {call}, to {file}: {why}")
        finally:
            await register.close()
        with files.opened(manifest.file(last.path)) as recording, file.open("xb") as target:  # noqa: ASYNC230
            shutil.copyfileobj(recording, target)
        click.echo(f"{last.path} is copied to {file}.")

    _run_query(take())


@click.command("hold")
@click.argument("call")
@click.option("--why", required=True, help="The dispute, the inquiry; it stands in the manifest.")
@pass_config
def hold(config: Config, call: str, why: str) -> None:
    """Keep a call's recording, however old it gets, until it is released."""

    async def enter() -> None:
        manifest = _manifest(config)
        async with _register(config) as rows:
            known = await rows.has(call)
        last = _last_of(manifest, call)
        if last is None and not known:
            raise click.ClickException(f"neither the register nor the manifest has a call '{call}'")
        if last is not None and last.action is Action.DELETED:
            raise click.ClickException(f"the recording of '{call}' was deleted on {last.at[:10]}: {last.why}")
        manifest.add(Entry(Action.HELD, call, last.line if last else "", why=why, who=person()))
        click.echo(f"The recording of {call} is kept until it is released.")

    _run_query(enter())


@click.command("release")
@click.argument("call")
@click.option("--why", default="", help="What became of the dispute.")
@pass_config
def release(config: Config, call: str, why: str) -> None:
    """End a hold: the recording is deleted when it is old enough."""

    async def enter() -> None:
        manifest = _manifest(config)
        holds = held(manifest)
        if call not in holds:
            raise click.ClickException(f"nobody holds '{call}'; held are: {', '.join(holds) or 'none'}")
        manifest.add(Entry(Action.RELEASED, call, holds[call].line, why=why, who=person()))
        click.echo(f"{call} is released.")

    _run_query(enter())


@click.command("expire")
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted.")
@pass_config
def expire(config: Config, dry_run: bool) -> None:
    """Delete now what has been kept long enough; a running controller does so each day."""

    async def delete() -> None:
        async with _register(config) as rows:
            retention = Retention(
                _manifest(config), config.retention_days, rows, Folders.under(config.var).recording, person()
            )
            now = wall_clock()
            if dry_run:
                for entry in retention.due(now):
                    click.echo(f"{entry.path}  ended {entry.ended_at}")
                return
            click.echo(f"recordings deleted: {await retention.expire(now)}")

    _run_query(delete())


@click.command("adopt")
@pass_config
def adopt(config: Config) -> None:
    """Enter files that the manifest does not know, such as those of a restored backup, as found."""

    async def enter() -> None:
        adopted = Adoption(_manifest(config), config.zone, person()).adopt(wall_clock())
        click.echo(f"files entered as found: {adopted}")

    _run_query(enter())


async def _conversations(
    rows: Conversations, calls: Sequence[str], scope: Scope, before: datetime, zone: Callable[[str], tzinfo]
) -> AsyncIterator[Conversation]:
    """Yield the named calls, or all that ended before and are within the scope."""
    for call in calls:
        said = await rows.of(call)
        if said is None:
            raise click.ClickException(f"the register has no conversation that is over of a call '{call}'")
        yield said
    number = 0
    while not calls and (page := await rows.between(None, before, scope.line, number, _PAGE)):
        for number, said in page:  # noqa: B007 - where the next page begins
            if scope.has(said.line, said.ended_at.astimezone(zone(said.line)).date()):
                yield said


def _manifest(config: Config) -> Manifest:
    """Return the manifest of the configured folder."""
    return Manifest(config.recordings.folder, config.var, wall_clock)


def _last_of(manifest: Manifest, call: str) -> Entry | None:
    last = None
    for entry in manifest.entries(Action.ADDED, Action.FOUND, Action.DELETED):
        if entry.call == call:
            last = entry
    return last


def _moment(entry: Entry) -> datetime:
    try:
        found = datetime.fromisoformat(entry.ended_at)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _state(entry: Entry, hold: Entry | None, until: datetime) -> str:
    if entry.action is Action.DELETED:
        return f"deleted {entry.at[:10]}: {entry.why}"
    found = {Action.FOUND: " (found)", Action.KEPT: " (a repaired file took its place)"}.get(entry.action, "")
    if hold is not None:
        return f"held since {hold.at[:10]}: {hold.why}{found}"
    return f"kept until {until:%Y-%m-%d}{found}"


@asynccontextmanager
async def _register(config: Config) -> AsyncIterator[Conversations]:
    register = await open_register(config, create=False, busy_timeout=10)
    try:
        yield Conversations(register)
    finally:
        await register.close()


def _run_query(work: Coroutine[Any, Any, None]) -> None:
    try:
        run_query(work)
    except ManifestError as problem:
        raise click.ClickException(str(problem)) from problem
