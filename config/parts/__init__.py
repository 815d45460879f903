"""Parts of a service that are models of their own (config/service.py)."""
