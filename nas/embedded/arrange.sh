# Runs in the network namespace of a container, behind record.sh: sh -c "this" IP DEV MAC SUFFIX IPV6 PID STARTED RECORD. MAC: the planned one, or
# `-`; SUFFIX: the 16 hex digits that follow from it. IPV6: an address to give, `slaac` to switch IPv6 on, either with
# `,ADDRESS` behind it for a second one; `ra` to see that advertisements are taken; `-` if Docker gives it and nobody planned
# it; `none` if nobody gives it. RECORD: what was before each change is written there, before the change.
# A new global address is checked for duplicates for about a second, in which a container would lose its first packets. RFC
# 4429 lets it use the address meanwhile. The MAC from which the address is formed is unique.
# From version 28 on Docker gives a container another MAC at each start if the planned one came by `network connect`. The
# token makes the kernel ask the router again, because the answer to the old MAC is lost. An address that was formed from
# the old MAC is removed. The MAC comes before IPv6, so that no address is formed from the old one.
set -f
ip=$0 dev=$1 mac=$2 suffix=$3 ipv6=$4 process="$5 $6" since=$6 record=$7
# The number may have come to another process before its namespace was entered
read -r stat <"/proc/$5/stat" || exit
# shellcheck disable=SC2086 # words
set -- ${stat##*) }
[ "${20:-}" = "$since" ] || exit
link=$("$ip" -o link show dev "$dev") || exit
number=${link%%:*} # a name may come to another interface

unwritten=
recall
[ "$lines" -lt 48 ] || ! forget_gone || recall

put() { # FAMILY/NAME VALUE
    file=/proc/sys/net/${1%/*}/conf/$dev/${1#*/} now=
    read -r now <"$file"
    case $now in "") return 1 ;; "$2") return 0 ;; esac
    note "$1" "$now" && echo "$2" >"$file"
}

hextets() { echo "$1" | sed "s/..../&:/g; s/:\$//"; }

# The token is taken back after the MAC, so that the router answers the right one, and before accept_ra, without which the
# kernel refuses it. So it is noted before the one and after the other
note_token() {
    before=$("$ip" token get dev "$dev")
    before=${before#token } before=${before%% *}
    [ -z "$before" ] || note token "$before"
}

set_mac() {
    case $link in *link/ether*) old=${link#*link/ether } old=${old%% *} ;; *) return 1 ;; esac
    [ "$old" != "$mac" ] || return 0
    put ipv6/ndisc_notify 1
    put ipv4/arp_notify 1
    { note_token && note mac "$old"; } || return 1
    if ! "$ip" link set dev "$dev" address "$mac"; then
        echo "the MAC $old stays, the kernel does not take $mac"
        return 1
    fi
    asks=y
    echo "has the MAC $mac in place of $old"
}

remove_formed() {
    seen=0 removed=0 # a container may have given itself any number
    while [ $((seen += 1)) -le 512 ] && [ $removed -lt 16 ] && read -r address _ length scope flags name; do
        case $name,$scope,$length,$flags,$address in
        "$dev,00,40,"[0-7]?,*"$suffix") ;;
        "$dev,00,40,"[0-7]?,*fffe??????) removed=$((removed + 1)) && "$ip" -6 addr del "$(hextets "$address")/64" dev "$dev" ;;
        esac
    done </proc/self/net/if_inet6
}

# The kernel of a container that forwards packets takes advertisements only at 2, and only by the sysctl of the interface itself
take_advertisements() {
    # `read` fails although it reads a sysctl: the second byte of one cannot be asked for alone
    read -r forwards <"/proc/sys/net/ipv6/conf/$dev/forwarding"
    read -r takes <"/proc/sys/net/ipv6/conf/$dev/accept_ra"
    [ "$forwards/$takes" = 1/1 ] && put ipv6/accept_ra 2 || return
    [ "$mac" = - ] || ! note_token || asks=y
    echo "forwards packets: takes advertisements all the same now (accept_ra=2)"
}

give_ipv6() {
    put ipv6/disable_ipv6 0 || return
    # Docker 20.10 switches it off for the loopback, too. A container then does not reach its own address
    link_name=$dev link_number=$number dev=lo number=1
    put ipv6/disable_ipv6 0
    dev=$link_name number=$link_number
    given=
    for address in ${ipv6%,*} ${ipv6#"${ipv6%,*}"}; do
        address=${address#,}
        if [ "$address" != slaac ] && [ -z "$("$ip" -6 -o addr show dev "$dev" to "$address/128")" ]; then
            note address "$address" && "$ip" -6 addr add "$address/64" dev "$dev" nodad && given="$given and the address $address"
        fi
    done
    [ -z "$given" ] || announce
    [ "$off$given" = 0 ] || echo "has IPv6$given now"
}

# From version 28 on Docker gives a container that has no planned MAC another one at each start. Who knew the address at the old
# one would send there for some seconds more, because the kernel tells nobody of an address without a search for
# duplicates. It tells of all addresses when the MAC is set, even to what it is; an older kernel refuses that.
announce() {
    put ipv6/ndisc_notify 1 && link=$("$ip" -o link show dev "$dev") || return
    now=${link#*link/ether }
    "$ip" link set dev "$dev" address "${now%% *}"
}

read -r off <"/proc/sys/net/ipv6/conf/$dev/disable_ipv6"
case $off/$ipv6 in 1/- | */none) ;; *) put ipv6/optimistic_dad 1 && put ipv6/use_optimistic 1 ;; esac
asks=
case $ipv6 in - | none) ;; *) take_advertisements ;; esac
[ "$mac" = - ] || set_mac || suffix=
[ -z "$asks" ] || [ -z "$suffix" ] || "$ip" token set "::$(hextets "$suffix")" dev "$dev"
case $ipv6 in - | ra | none) ;; *) give_ipv6 ;; esac
[ "$mac" = - ] || [ -z "$suffix" ] || remove_formed
