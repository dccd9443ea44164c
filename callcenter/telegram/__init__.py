"""The adapter of Telegram: a line's bot, over the Bot API."""
