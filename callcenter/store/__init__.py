"""The call register: what was promised to callers and what happened (ESTP 5.6.1, 5.3.1).

`store.Store` is what the program needs of it. `register.Register` keeps it in a database, which `database.Database`
opens and upgrades; `memory.MemoryStore` keeps it in this process. `writer.Writer` writes facts into either without ever
delaying a call; until they are written, `spool.Spool` keeps them on the local disk. The reports are in
`callcenter.reports`.
"""

from __future__ import annotations

from callcenter.store import auction_tables as auction_tables  # the migrations are compared with all tables
from callcenter.store import chat_tables as chat_tables
from callcenter.store import knowledge_tables as knowledge_tables
from callcenter.store import letter_tables as letter_tables
from callcenter.store import note_tables as note_tables
from callcenter.store import quality_tables as quality_tables
from callcenter.store import request_tables as request_tables
from callcenter.store import settings_tables as settings_tables
from callcenter.store import webhook_tables as webhook_tables
from callcenter.store.errors import RegisterError
from callcenter.store.memory import MemoryStore
from callcenter.store.register import Register
from callcenter.store.store import Store
from callcenter.store.writer import Writer

__all__ = ["MemoryStore", "Register", "RegisterError", "Store", "Writer"]
