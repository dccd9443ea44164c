"""The register: what was promised and what happened, in a database (ESTP 5.6.1, 5.3.1).

`database.Register` opens and upgrades it, `writer.Writer` writes facts without ever delaying a call,
`reports`, `day_summary` and `promises` read them back for people, `history` for planning;
`day_sums` keeps what is summed up of past days.
"""

from __future__ import annotations

from callcenter.store.database import Register, RegisterError
from callcenter.store.writer import Writer

__all__ = ["Register", "RegisterError", "Writer"]
