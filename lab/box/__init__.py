"""A NAS in a box: router, LAN, NAS, client and internet host in network namespaces of this machine.

Python's standard library only, 3.10 or newer: this runs before any environment is made.
"""
