"""An open call-centre controller: an asyncio daemon that drives Asterisk over AMI."""
