"""A reader of Compose files by Compose's rules. It knows nothing of macvlan, NASes and Pulumi.

Source of the rules: https://github.com/compose-spec/compose-spec and the behaviour of compose-go, the library inside
`docker compose`, which tests/compose compares with.
"""
