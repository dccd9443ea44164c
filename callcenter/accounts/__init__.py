"""Accounts of the people who work here: passwords, PINs and their hashes."""
