# Words for people, and the `ip` that is taken. $me is the script's name.
say() { printf '%s\n' "$@"; }
die() { say "$me: $*" >&2; exit 1; }

# Sets $ip. By its path, because some busybox shells take their own ip for any `ip`; `false` where there is none.
find_ip() {
    for ip in /sbin/ip /usr/sbin/ip /bin/ip /usr/bin/ip "$(command -v ip)"; do
        case $ip in /*) [ ! -x "$ip" ] || return 0 ;; esac
    done
    ip=false
}
