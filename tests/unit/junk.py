"""Whatever a YAML document can hold, with a bias to what nearly fits."""

from typing import Any

from hypothesis import strategies as st

NEARLY = [
    "auto", "192.168.1.9", "192.168.1.201", "fd0d:7eb5:2afd::9", "10.0.0.0/0", "10.0.0.0/32", "::/0", "~nobody/x",
    "a\0b", "1.5h", "9" * 400 + "h", "9" * 5000, "on-failure:3", "512m", "/a:/b", "/a:/b:ro:x", "a=b", "'", "${X}",
    "CMD", "\ud800", "02:42:c0:a8:01:c9", "-x", "bridge-host", ".inf", "a\nb",
]  # fmt: skip


def junk() -> st.SearchStrategy[Any]:
    scalars = (
        st.sampled_from(NEARLY)
        | st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from([10**30, -1, 0])
        | st.floats()
        | st.text(max_size=12)
    )
    keys = st.sampled_from([*NEARLY, "external", "name", "ipv4_address", "test", "type", "source", 5, None, True])
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )
