"""The register of requests (ESTP 5.4.3–5.5.6): what `callcenter.requests` decides is stored, listed and sent here.

For the desk, the command line and the API:

* `register.RequestRegister`: everything that changes a request. One action is one transaction; who acts says which
  version they saw, and `ChangedMeanwhile` tells the second of two.
* `board.RequestBoard`: lists (head's board, my requests, old drafts, of one call or caller), counts, and the search.
* `filed.Filed`, `filed.BoardRow`, `filed.BoardQuery`, `filed.Requester`: what they take and return.
* `viewers.Viewers`: who has which request open now, in memory.
* `attachments.Attachments`: files, by their SHA-256.
* `outbox.Outbox`: what has to leave the house, and what became of it.

All errors are `ReadableError`: those of `errors.py`, and `RegisterError` while the database is locked, slow or away.
"""
