"""`python -m lab.engine.command_provider ENGINE`: the executable pulumi-resource-command is a wrapper around this."""

from .server import main

main()
