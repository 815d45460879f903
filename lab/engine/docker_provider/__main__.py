"""`python -m lab.engine.docker_provider`: the executable pulumi-resource-docker is a wrapper around this."""

from .server import main

main()
