# Which routers advertise themselves on the LAN, and with which prefixes: asked first, in the background, and read last.
# shellcheck disable=SC2016 # the inner program's own $
ROUTERS='@routers.pl@'

# Sets $lan_link: the site's parent. With `auto` it is the link by which the NAS reaches the router, or the one below that
# if it is a macvlan link, as with an older shim that has the NAS's address.
find_lan_link() {
    lan_link=$parent
    if [ "$parent" = auto ]; then
        lan_link=$([ -z "$router" ] || $ip route get "$router" 2>/dev/null |
            awk 'NR == 1 && $2 == "dev" && $3 != "lo" { print $3 }')
        lower=$($ip -d -o link show dev "${lan_link:-none}" 2>/dev/null |
            awk '/ macvlan / && sub(/.*@/, "", $2) { sub(/:$/, "", $2); print $2 }')
        lan_link=${lower:-$lan_link}
    fi
    case $lan_link in . | .. | lo | *[/\ ]*) lan_link='' ;; esac
}

# Sets $longest: after how many seconds of silence there is no router. One that advertised itself a moment ago may wait for
# three seconds before it does so again (RFC 4861, 6.2.6); but of that one the kernel has kept something, if it takes
# advertisements at all.
find_patience() {
    longest=1.1 takes=''
    for key in disable_ipv6 accept_ra forwarding; do
        value='-'
        { read -r value; } 2>/dev/null <"/proc/sys/net/ipv6/conf/$lan_link/$key"
        takes=$takes$value
    done
    case $takes in 010 | 02?) ;; *) longest=2.5 ;; esac
    case $($ip -6 route show default dev "$lan_link" 2>/dev/null; $ip -6 addr show dev "$lan_link" 2>/dev/null) in
    *' ra '* | *' dynamic'*) longest=3.5 ;;
    esac
}

# A packet socket is root's. Without perl nobody is asked
hear_routers() {
    if [ -z "$lan_link" ] || ! has perl || [ "$uid$root" = "$uid" ] && [ "$uid" != 0 ]; then return; fi
    find_patience
    # shellcheck disable=SC2086 # words
    limited 10 $root "$(command -v perl)" -e "$ROUTERS" "$lan_link" "$longest" 2>/dev/null
}

# Lines `link NAME`, what routers.pl prints, and `known ROUTER` for those that the kernel's neighbour table calls routers
report_routers() {
    [ -n "$lan_link" ] || return 0
    say "link $lan_link"
    say "$told" | grep -E '^(heard$|ra |prefix )'
    $ip -6 neigh show dev "$lan_link" | awk '/ router( |$)/ && n++ < 16 { print "known", $1 }'
}
