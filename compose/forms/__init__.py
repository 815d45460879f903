"""Short forms and long ones, types, merging: what Compose makes of values."""
