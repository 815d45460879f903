"""`python -m lab.engine.language_host ENGINE`: the executable pulumi-language-python is a wrapper around this."""

from .server import main

main()
