"""Makes the site's own IPv6 prefix (RFC 4193 section 3.2)."""

from ipaddress import IPv6Network

GLOBAL_ID_BYTES = 5  # 40 bits


def ula_prefix(global_id: bytes) -> IPv6Network:
    """fd00::/8, the 40-bit global ID, subnet ID 0: the site's first /64. global_id: 5 random bytes."""
    if len(global_id) != GLOBAL_ID_BYTES:
        raise ValueError(f"a global ID has {GLOBAL_ID_BYTES} bytes, not {len(global_id)}")
    return IPv6Network((b"\xfd" + global_id + bytes(10), 64))
