# Given to the NAS in front of what changes it: sh -c 'this' sh root|sudo|password SECONDS COMMAND...: runs COMMAND as
# root for at most SECONDS. sudo: by sudo that asks nothing; password: by sudo, and the first line of stdin is for it.
how=$1 seconds=$2
shift 2
if timeout 10 true 2>/dev/null; then
    set -- timeout "$seconds" "$@"
elif timeout -t 10 true 2>/dev/null; then # busybox before 2018
    set -- timeout -t "$seconds" "$@"
fi
[ "$how" != root ] || exec "$@"
set -- env "SSH_CLIENT=${SSH_CLIENT:-}" "$@" # sudo drops it
[ "$how" != sudo ] || exec sudo -n "$@"
# Tried once alone: a wrong one would be followed by two more tries, with what comes behind it
IFS= read -r password
if ! printf '%s\n' "$password" | sudo -k -S -p '' true; then
    echo 'sudo does not take the password (macvlan-ipv6:sudoPassword): nothing was changed' >&2
    echo 'pulumi destroy uses the one of the last pulumi up: after a new password, pulumi up comes first' >&2
    exit 1
fi
# Where sudo wants no password after all, nobody has read that line; the other side begins behind the mark.
begin='-- from here on --'
{ printf '%s\n%s\n' "$password" "$begin" && exec cat; } | sudo -k -S -p '' sh -c \
    'while IFS= read -r line; do [ "$line" != "$0" ] || exec "$@"; done; exit 1' "$begin" "$@"
