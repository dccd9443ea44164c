"""Where each command is found, and what the listings say of it.

A listing answers at once: nothing is imported for it. Each sentence here is the first one of its command.
"""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.cli.commands import Group, Place

PLACES: Mapping[str, Place | Group] = {
    "auctions": Group(
        "The auctions that a line's hours follow (eLot 2.2a). A running controller follows within seconds.",
        {
            "list": Place("auctions", "list_auctions", "List what runs and will run, the next start first."),
            "add": Place(
                "auctions",
                "add",
                "Enter the auction NAME: from its start until its results are announced, the line is open longer.",
            ),
            "correct": Place("auctions", "correct", "Correct the auction of this NUMBER: what is not given stays."),
            "withdraw": Place(
                "auctions", "withdraw", "Withdraw the auction of this NUMBER, which is not held; it stays on record."
            ),
            "import": Place(
                "auctions",
                "import_auctions",
                "Take over a CSV table: name, start, results (or торги, начало, результаты).",
            ),
            "export": Place(
                "auctions", "export_auctions", "Write what is not withdrawn as CSV, as it can be taken over again."
            ),
        },
    ),
    "audit": Group(
        "The audit log: who saw or heard whose data, and who changed what (152-ФЗ).",
        {
            "list": Place("audit", "list_entries", "List the entries of some days, in order."),
            "export": Place(
                "audit",
                "export",
                "Export the entries of some days as CSV: UTF-8, semicolons.",
            ),
            "verify": Place(
                "audit", "verify", "Check that no entry was changed, taken out or put in; ends with 1 if one was."
            ),
        },
    ),
    "backup": Place(
        "settings", "backup", "Copy settings, secrets and register into a new folder, with the line running."
    ),
    "certificate": Group(
        "The certificate of the desk (TLS).",
        {
            "make": Place(
                "certificate",
                "make",
                "Make a first, self-signed certificate: into the files of the setting `tls`, or into var/tls.",
            ),
        },
        asks_config=False,
    ),
    "check": Place("check", "check", "Read the configuration and tell everything that is wrong with it."),
    "customers": Group(
        "The directory of the line's customers.",
        {
            "import": Place(
                "customers",
                "import_customers",
                "Replace the directory by a CSV table: number, inn, name, role (or телефон, ИНН, наименование, роль).",
            ),
            "show": Place(
                "customers",
                "show_customer",
                "Show whom a number or an INN belongs to; without either, what the directory is.",
            ),
            "export": Place(
                "customers",
                "export_customers",
                "Write the directory as a table that `import` takes; no cell is a formula for a spreadsheet.",
            ),
        },
    ),
    "database": Group(
        "Where the register is kept.",
        {
            "move": Place(
                "database",
                "move",
                "Copy the register from its file to TARGET, such as postgresql://callcenter@db.example/callcenter.",
            ),
        },
    ),
    "demo": Place(
        "demo", "demo", "Run the line with simulated callers and operators; everything made by it lies under var/demo."
    ),
    "erase": Place(
        "erase",
        "erase",
        "Erase who called and asked, and what was said and written, of one telephone number, INN or e-mail address.",
    ),
    "evidence": Place(
        "evidence",
        "evidence",
        "Show clause by clause what a line kept in a month, from which rows, exceptions included.",
    ),
    "knowledge": Group(
        "The articles in which operators look things up.",
        {
            "import": Place(
                "knowledge",
                "import_folder",
                "Save the markdown files of FOLDER as articles: each that differs becomes a new "
                "version of its article.",
            ),
            "export": Place(
                "knowledge",
                "export_folder",
                "Write every article as a markdown file into FOLDER, over the files that are there.",
            ),
            "search": Place("knowledge", "search", "Search the articles for WORDS in any of their forms."),
            "reindex": Place(
                "knowledge",
                "reindex",
                "Make the search index anew, after an update of the dictionary for example.",
            ),
        },
    ),
    "passwd": Place("passwd", "passwd", "Change a person's password or PIN."),
    "phones": Place("settings", "phones", "Print what to enter into each phone, with its password."),
    "promises": Place("promises", "promises", "Compare the announced waits of some days with the real ones."),
    "prompts": Group(
        "What callers and operators hear.",
        {
            "check": Place(
                "prompts",
                "check_command",
                "Report prompts that are missing, stale or of a wrong format, and of which line.",
            ),
            "build": Place(
                "prompts",
                "build_command",
                "Speak the prompts whose text has changed, and what the lines say in their own words.",
            ),
        },
        asks_config=False,
    ),
    "recordings": Group(
        "The recordings of conversations.",
        {
            "verify": Place(
                "recordings",
                "verify",
                "Compare chain, files and register; everything that is wrong is told, and the "
                "command then ends with 1.",
            ),
            "repair": Place(
                "recordings",
                "repair",
                "Put wrong recordings together again from what there is, or say why not; without "
                "CALLS, all that are wrong.",
            ),
            "list": Place("recordings", "list_recordings", "List recordings and how long each is kept."),
            "proof": Place("recordings", "proof", "Print everything the manifest says of a call, as evidence."),
            "copy": Place(
                "recordings",
                "copy",
                "Copy a call's recording to a new file, to listen to it or to hand it out; this is written down.",
            ),
            "hold": Place("recordings", "hold", "Keep a call's recording, however old it gets, until it is released."),
            "release": Place("recordings", "release", "End a hold: the recording is deleted when it is old enough."),
            "expire": Place(
                "recordings",
                "expire",
                "Delete now what has been kept long enough; a running controller does so each day.",
            ),
            "adopt": Place(
                "recordings",
                "adopt",
                "Enter files that the manifest does not know, such as those of a restored backup, as found.",
            ),
        },
    ),
    "register": Group(
        "The register of calls.",
        {
            "list": Place("register", "list_calls", "List calls, in the order of arrival."),
            "export": Place("register", "export_calls", "Export calls as CSV: UTF-8, semicolons, whole seconds."),
            "days": Place(
                "register",
                "show_days",
                "Sum up each day: calls, waits of all and of registered persons, service level.",
            ),
            "owed": Place(
                "register", "owed_calls", "List callers whom a failure cut off and to whom nobody has spoken since."
            ),
            "show": Place("register", "show_call", "Show all that happened to one call."),
            "erase": Place(
                "register",
                "erase",
                "Erase now the numbers, names and INN that were kept long enough; a running "
                "controller does so each day.",
            ),
        },
    ),
    "render": Place("settings", "render", "Write the files of an Asterisk that is run by systemd or in a container."),
    "requests": Group(
        "Requests with deadlines (ESTP 5.4.3, 5.5).",
        {
            "list": Place(
                "requests",
                "list_requests",
                "List requests that are open, or those in some states; next due first.",
            ),
            "show": Place(
                "requests",
                "show_request",
                "Show all of one request: NUMBER is its registration number, or a draft's id.",
            ),
            "act": Place(
                "requests", "act", "Do something to a request, as the person at the terminal: its history says so."
            ),
            "outbox": Place(
                "requests",
                "outbox",
                "List what waits to leave: letters to be posted, calls to be made, e-mail that was not taken.",
            ),
            "import": Place("requests", "import_requests", "Take open requests over from a CSV table."),
            "export": Place(
                "requests",
                "export_requests",
                "Export the requests received on some days as CSV: dates, targets kept or not, whole seconds.",
            ),
            "summary": Place(
                "requests",
                "summary",
                "Sum up the requests received on some days: targets kept, mean time to the answer in "
                "working and plain hours.",
            ),
            "report": Place(
                "requests",
                "report",
                "Write the report of the requests received on some days as a workbook, as the page «Reports» has it.",
            ),
            "erase": Place(
                "requests",
                "erase",
                "Erase now what ended requests say and was kept long enough; a running controller does so each day.",
            ),
            "call-back": Group(
                "Call-backs: customers who were promised a call (ESTP 5.4.5).",
                {
                    "list": Place(
                        "call_backs",
                        "list_call_backs",
                        "List call-backs that have not ended; or those due now, late, or given up lately.",
                    ),
                    "order": Place(
                        "call_backs",
                        "order",
                        "Promise to call back about REQUEST: a registration number, or a draft's id.",
                    ),
                    "move": Place(
                        "call_backs", "move", "Move CALL_BACK to another convenient time, in the line's zone."
                    ),
                    "withdraw": Place("call_backs", "withdraw", "Nobody wants CALL_BACK any more."),
                    "said": Place(
                        "call_backs", "said", "Say whom the operator had on the telephone in the last try of CALL_BACK."
                    ),
                    "owed": Place(
                        "call_backs",
                        "owed",
                        "Have the caller of CALL called back, whom a failure cut off: `callcenter "
                        "register owed` lists them.",
                    ),
                    "summary": Place(
                        "call_backs",
                        "summary",
                        "Sum up the call-backs promised on some days: how many were begun inside "
                        "their convenient time.",
                    ),
                },
                asks_config=False,
            ),
        },
    ),
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
    "wall": Place("wall", "wall", "Show the address of the wall screen, with its token."),
    "webhooks": Group(
        "Other programs that are told what happens to calls and requests.",
        {
            "list": Place("webhooks", "list_all", "List the webhooks, what waits for each, and what was wrong."),
            "key": Place("webhooks", "key", "Print the key with which the webhook NAME is signed."),
            "retry": Place("webhooks", "retry", "Tell the webhook NAME at once what waits for it."),
        },
    ),
    "token": Group(
        "Tokens with which scripts use the API as a person.",
        {
            "make": Place("token", "make", "Make a token for PERSON."),
            "list": Place("token", "list_all", "List all tokens, without their texts."),
            "revoke": Place("token", "revoke", "End the token of this ID at once."),
        },
    ),
}
