"""The number of SSH logins of one `pulumi up` does not grow with the number of containers."""

import time

from lab.drive import Stack

# By id, and of the client's own namespace only: other labs on this machine have connections too.
END_SHARED_CONNECTION = (
    "here=$(readlink /proc/self/ns/net); for p in /proc/[0-9]*; do"
    ' [ "$(readlink $p/ns/net)" != "$here" ] || [ "$(cat $p/comm)" != ssh ] || kill ${p#/proc/}; done; true'
)


def logins(stack: Stack, count: int) -> int:
    stack.write(stack.site_with(count))
    stack.box.run("client", END_SHARED_CONNECTION)  # one from an earlier run would save this one a login
    asked = "journalctl --sync; journalctl -t sshd -t sshd-session | grep -c 'Accepted publickey' || true"
    before = int(stack.box.nas(asked))
    started = time.monotonic()
    stack.up(True, "--parallel", "32")
    seconds = time.monotonic() - started
    found = int(stack.box.nas(asked)) - before
    print(f"pulumi up of {count} new containers: {found} logins, {seconds:.1f} s")
    stack.destroy()
    return found


def test_the_number_of_logins_does_not_grow_with_the_number_of_containers(stack: Stack) -> None:
    few, many = logins(stack, 2), logins(stack, 24)
    assert 0 < many <= few <= 3
