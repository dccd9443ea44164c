"""Services of the operating system that several packages use: replace a file atomically, run a program, back off."""
