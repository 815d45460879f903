"""What a site takes of a Compose project."""
