"""Containers as a whole: all their networks, what they wait for, and what their services declare beside the site's own
networks."""
