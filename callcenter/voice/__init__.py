"""What callers and operators hear: recorded prompts, and the speech they are made of."""
