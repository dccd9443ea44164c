"""Requests: what is asked of a line and not finished in the conversation. Pure: no clock, database or network.

`decide.py` takes a request and an action, and returns what changes, or a refusal. What is decided together is stored in
one transaction: the request with its version, new rows of its history, messages for the outbox, the counter of numbers.
"""
