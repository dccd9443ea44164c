"""The call register: what was promised to callers and what happened, in a database (ESTP 5.6.1, 5.3.1).

`database.Register` opens and upgrades the database. `writer.Writer` writes facts into it without ever delaying a call;
until they are written, `spool.Spool` keeps them on the local disk. `warm_start` reads back what the core needs after a
restart. The reports are in `callcenter.reports`.
"""

from __future__ import annotations

from callcenter.store.database import Register, RegisterError
from callcenter.store.writer import Writer

__all__ = ["Register", "RegisterError", "Writer"]
