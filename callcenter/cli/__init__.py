"""The command line, one module a group of commands; terminal and spreadsheet code is here alone."""
