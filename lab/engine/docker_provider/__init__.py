"""Stand-in for the docker plugin 5.2.0, for the three resource types that this project uses.

The official plugin bridges the Terraform provider kreuzwerker/docker 4.x; what this package mirrors of it is written
down in schema.py (properties, defaults, what replaces) and in state.py (how old and new are compared).
"""

VERSION = "5.2.0"
