"""Variables and env files."""
