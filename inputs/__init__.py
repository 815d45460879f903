"""What is read on the laptop: config, compose files, SSH keys; turned into typed values, or into problems."""
