"""An open call-centre controller: an asyncio daemon that drives Asterisk over AMI."""

__version__ = "0.1.0"
