# Messages for people, and the search for `ip`. $me is the script's name.
say() { printf '%s\n' "$@"; }
die() { say "$me: $*" >&2; exit 1; }

# Sets $ip to the path of the system's ip, because some busybox shells run their own for the bare word; or to `false`.
find_ip() {
    for ip in /sbin/ip /usr/sbin/ip /bin/ip /usr/bin/ip "$(command -v ip)"; do
        case $ip in /*) [ ! -x "$ip" ] || return 0 ;; esac
    done
    ip=false
}
