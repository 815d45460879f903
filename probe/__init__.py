"""Asks the NAS, over ssh and before anything changes. Reads only."""
