"""`callcenter certificate make`: a first certificate for the desk, made here."""

from __future__ import annotations

from pathlib import Path

import click

from callcenter.calendar.clock import wall_clock
from callcenter.cli.options import config_option, load
from callcenter.core.errors import ReadableError
from callcenter.system import certificate as certificates
from callcenter.system.own_address import reachable


@click.command("make")
@config_option
@click.option("--name", "names", multiple=True, help="How browsers name the desk: host names and addresses, repeated.")
def make(config_path: Path, names: tuple[str, ...]) -> None:
    """Make a first, self-signed certificate: into the files of the setting `tls`, or into var/tls."""
    config = load(config_path)
    own = config.var / "tls"
    files = (config.tls.certificate, config.tls.key) if config.tls else (own / "certificate.pem", own / "key.pem")
    named = list(dict.fromkeys(names)) or [reachable(config.http.bind)]
    try:
        certificates.make(*files, named, wall_clock())
    except ReadableError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"Made for {', '.join(named)}: {files[0]}, {files[1]}.")
    if not config.tls:
        click.echo(f"Now write into {config_path}:  tls: {{certificate: {files[0]}, key: {files[1]}}}")
