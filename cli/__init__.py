"""The verbs of `macvlan-ipv6`: commands for people, beside `pulumi` itself."""
