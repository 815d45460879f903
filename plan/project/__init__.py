"""The containers of whole Compose projects."""
