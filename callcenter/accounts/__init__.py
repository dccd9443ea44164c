"""Who may work here: passwords, PINs and their hashes."""
