"""The command line: `callcenter run`, `check`, `register`, `customers`, `prompts`, `passwd` …"""

from __future__ import annotations

import logging

import click

from callcenter import __version__
from callcenter.cli import run_log
from callcenter.cli.commands import Commands, Place
from callcenter.system import privacy

PLACES = {
    "auctions": Place("auctions", "auctions", "The auctions that a line's hours follow (eLot 2.2a)."),
    "audit": Place("audit", "audit", "The audit log: who saw or heard whose data, and who changed what (152-ФЗ)."),
    "backup": Place(
        "settings", "backup", "Copy settings, secrets and register into a new folder, with the line running."
    ),
    "certificate": Place("certificate", "certificate", "The certificate of the desk (TLS)."),
    "check": Place("check", "check", "Read the configuration and tell everything that is wrong with it."),
    "customers": Place("customers", "customers", "The directory of the line's customers."),
    "database": Place("database", "database", "Where the register is kept."),
    "demo": Place(
        "demo", "demo", "Run the line with simulated callers and operators; everything made by it lies under var/demo."
    ),
    "erase": Place(
        "erase",
        "erase",
        "Erase who called and asked, and what was said and written, of one telephone number, INN or e-mail address.",
    ),
    "knowledge": Place("knowledge", "knowledge", "The articles in which operators look things up."),
    "passwd": Place("passwd", "passwd", "Change a person's password or PIN."),
    "phones": Place("settings", "phones", "Print what to enter into each phone, with its password."),
    "promises": Place("promises", "promises", "Compare the announced waits of some days with the real ones."),
    "prompts": Place("prompts", "prompts", "What callers and operators hear."),
    "recordings": Place("recordings", "recordings", "The recordings of conversations."),
    "register": Place("register", "register", "The register of calls."),
    "render": Place("settings", "render", "Write the files of an Asterisk that is run by systemd or in a container."),
    "requests": Place("requests", "requests", "Requests with deadlines (ESTP 5.4.3, 5.5)."),
    "run": Place("run", "run", "Run the line on this machine; with asterisk.start, Asterisk too."),
    "serve": Place("run", "serve", "Run only the controller; Asterisk runs already."),
    "settings": Place(
        "dated_settings", "settings", "Which settings of a line hold when; publish those that change (ESTP 6.2)."
    ),
    "simulate": Place(
        "simulate",
        "simulate_command",
        "Try callers, people and settings in virtual time, on the very code that runs the line.",
    ),
    "staffing": Place("staffing", "staffing_command", "Show how many people each half-hour needs (ESTP 2.2b, 2.2d)."),
    "token": Place("token", "token", "Tokens with which scripts use the API as a person."),
    "wall": Place("wall", "wall", "Show the address of the wall screen, with its token."),
}


@click.group(cls=Commands, places=PLACES)
@click.version_option(__version__)
@click.option("--verbose", is_flag=True, help="Log more.")
@click.pass_context
def main(context: click.Context, verbose: bool) -> None:
    """A call-centre controller that drives Asterisk."""
    # Other users of the machine read nothing of ours. Under systemd Asterisk has its own user, and shares a group.
    shares = context.invoked_subcommand in ("serve", "render")
    privacy.set_umask(privacy.OTHERS if shares else privacy.GROUP | privacy.OTHERS)
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format=run_log.FORMAT, datefmt=run_log.DATES)
    logging.getLogger("alembic").setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
