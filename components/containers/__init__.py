"""One container, in the Docker plugin's words."""
