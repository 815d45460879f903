"""Stand-in for pulumi-language-python: runs the program in its own virtual environment, a fresh Python for every run.

Done as the official host does it, but for one thing: it does not run `uv sync` before each run, so that the program
also starts where no package index can be reached (the lab's client).
"""
