"""What customers open in a browser (eLot 2.3, TBS 2.6): an application of its own, with a port and limits of its own.

Here everything comes from strangers, and nobody is logged in: no cookie, no session. Who may see a request has a link
that nobody can guess. A part of it (the form, where a request stands) is a `Part` of `app.make_public_app`.
"""
