"""`python -m callcenter`."""

from callcenter.cli import main

main(prog_name="callcenter")
