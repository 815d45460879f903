"""Docker labels of this program: by them it recognises its own networks and containers, and records why it recreated
one."""

OURS = "macvlan-ipv6"
MADE_BY = f"{OURS}.made-by"  # on a network that was made here; one that was adopted has none
MAKER = "pulumi"
ADDRESSES = f"{OURS}.addresses"  # on a container: the IPv4, ULA and MAC it was made with
REPAIRED = f"{OURS}.repaired"  # on both: when and why it was recreated
