"""Gets the Pulumi engine onto this machine; `lab/engine/install` is the way in."""
