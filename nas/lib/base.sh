# Messages for people, and the search for `ip`. $me is the script's name.
say() { printf '%s\n' "$@"; }
die() { say "$me: $*" >&2; exit 1; }

# Whether a file begins with this program's mark
is_marked() { sed 3q "$1" | grep -qw macvlan-ipv6; }

# Sets $ip to the path of the system's ip, because some busybox shells run their own for the bare word; or to `false`.
find_ip() {
    for ip in /sbin/ip /usr/sbin/ip /bin/ip /usr/bin/ip "$(command -v ip)"; do
        case $ip in /*) [ ! -x "$ip" ] || return 0 ;; esac
    done
    ip=false
}

# name_of_table NUMBER: what ip calls that routing table, if it has a name. Of several names ip takes the last one, and words
# after a name count for nothing. Newer versions have files in /usr/share, too.
name_of_table() {
    (
        set +f # the program has set -f
        cat /usr/share/iproute2/rt_tables.d/*.conf /etc/iproute2/rt_tables /etc/iproute2/rt_tables.d/*.conf 2>/dev/null
    ) | awk -v number="$1" '$1 == number && NF > 1 { name = $2 } END { print name }'
}
