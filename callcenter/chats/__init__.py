"""Chats: `chat_table.py` has every message once, `chats.py` those that are not over, `text.py` what may be written."""
