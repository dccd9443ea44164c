"""What callers and operators hear: the prompt files, and the synthesised speech they are made of."""
