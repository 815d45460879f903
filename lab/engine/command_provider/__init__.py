"""Stand-in for the command plugin 1.2.1, for the one resource type that this project uses: command:remote:Command.

The official plugin is a Go program on pulumi-go-provider and x/crypto/ssh. What is mirrored of it: the inputs, their
defaults and secrets (inputs.py), how old and new are compared (diffing.py), how it gets into the server (dialing.py)
and how it runs a command there (remote.py).
"""

VERSION = "1.2.1"
