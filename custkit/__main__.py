"""`python -m custkit` is the `custkit` command."""

from custkit.cli import main

main()
