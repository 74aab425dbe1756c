"""`python -m charloop`: the same as `charloop`, where the program is not on the path."""

from charloop.cli.main import run

run()
