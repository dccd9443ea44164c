"""Adapter: e-mail that leaves (SMTP, by aiosmtplib): `letter.py` makes a message, `smtp.py` hands it to the server."""
