"""The plan: what a person wrote, turned into every address, MAC, route and network of the site.

Pure: no pulumi, no network, no files. Same values in, same values out.
"""
