"""Reads the section `routers` of the probe's output (nas/probe/routers.sh)."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

from facts.routers import AdvertisedPrefix, Advertisements, Router


def read_routers(lines: Iterable[str]) -> Advertisements:
    """Lines that it does not know are passed over."""
    found = Advertisements()
    routers: dict[IPv6Address, Router] = {}
    for line in lines:
        match line.split():
            case ["link", link]:
                found = replace(found, link=link)
            case ["heard"]:
                found = replace(found, routers=())
            case ["ra", address, lifetime, managed, other]:
                router = Router(IPv6Address(address), int(lifetime), managed == "managed", other == "other")
                routers[router.address] = router
            case ["prefix", address, network, on_link, autonomous, valid, preferred]:
                prefix = AdvertisedPrefix(
                    IPv6Network(network, strict=False),
                    on_link == "onlink",
                    autonomous == "auto",
                    int(valid),
                    int(preferred),
                )
                router = routers[IPv6Address(address)]
                routers[router.address] = replace(router, prefixes=(*router.prefixes, prefix))
            case ["known", address]:
                found = replace(found, known=found.known | {IPv6Address(address)})
            case _:
                pass
    return found if found.routers is None else replace(found, routers=tuple(routers.values()))
