#!/bin/sh
# Written by pulumi up (macvlan-ipv6); pulumi destroy removes it. A command over ssh does not look where Docker's own
# client is, and may need sudo to use it.
for socket in /var/run/docker.sock /run/docker.sock; do
    [ ! -S $socket ] || [ -w $socket ] || exec sudo -n @DOCKER@ "$@"
done
exec @DOCKER@ "$@"
