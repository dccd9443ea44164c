"""Services of the operating system that several rooms use: replace a file atomically, run a program, back off."""
