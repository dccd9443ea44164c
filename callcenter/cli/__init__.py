"""The command line, one module per group of commands. Only here is code for terminals and spreadsheets."""
