#!/bin/sh
# Written by pulumi up (macvlan-ipv6); the next one writes it anew. DSM calls it with start late at boot, and with stop
# at shutdown.
case ${1:-} in
start) exec @PROGRAM@ start-loop @CONF@ ;;
stop) exec @PROGRAM@ stop-loop @CONF@ ;;
*) echo "usage: $0 start|stop" >&2 && exit 2 ;;
esac
