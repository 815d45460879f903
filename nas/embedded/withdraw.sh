# Runs in the network namespace of a container: sh -c "this" IP PID STARTED [NUMBER WHAT BEFORE]...: puts back what was before
# arrange.sh, the latest change first. NUMBER: of the interface, which may have another name by now.
set -f
ip=$0
# The number may have come to another process before its namespace was entered
read -r stat <"/proc/$1/stat" || exit 0
wanted=$2
shift 2
started() {
    shift 19
    [ "$1" = "$wanted" ]
}
# shellcheck disable=SC2086 # words
started ${stat##*) } || exit 0
links=$("$ip" -o link show | sed -n "512q; s/^\([0-9]*\): \([A-Za-z0-9_][A-Za-z0-9_.-]*\)[@:].*/\1 \2/p") || exit 1

# Addresses that the kernel formed from the MAC or the advertisements that are taken back
remove_formed() {
    seen=0 removed=0 # a container may have given itself any number
    while [ $((seen += 1)) -le 512 ] && [ $removed -lt 16 ] && read -r address _ length scope flags name; do
        case $name,$scope,$length,$flags in
        "$dev,00,40,"[0-7]?)
            removed=$((removed + 1))
            "$ip" -6 addr del "$(echo "$address" | sed "s/..../&:/g; s/:\$//")/64" dev "$dev"
            ;;
        esac
    done </proc/self/net/if_inet6
}

put_back() { # WHAT BEFORE
    case $1 in
    address) "$ip" -6 addr del "$2/64" dev "$dev" ;;
    token) "$ip" token set "$2" dev "$dev" ;;
    # An older kernel cannot do without one again, and one that follows from the MAC is as good as none
    no_token) "$ip" token set :: dev "$dev" || "$ip" token set "$2" dev "$dev" ;;
    mac) "$ip" link set dev "$dev" address "$2" && remove_formed ;;
    *)
        echo "$2" >"/proc/sys/net/${1%/*}/conf/$dev/${1#*/}"
        [ "$1" != ipv6/accept_ra ] || { remove_formed && "$ip" -6 route flush dev "$dev" proto ra; }
        ;;
    esac
}

name_of() { echo "$links" | while read -r index name; do [ "$index" != "$1" ] || { echo "$name" && break; }; done; }

while [ $# -ge 3 ]; do
    dev=$(name_of "$1")
    case $dev in "" | all | default) ;; *) put_back "$2" "$3" ;; esac
    shift 3
done
exit 0
