"""Other programs are told by webhooks what happens to calls and requests."""
