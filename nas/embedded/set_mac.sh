# Runs in the network namespace of a container: sh -c "this" IP DEV MAC SUFFIX. MAC: the planned one, or `-`; SUFFIX: the
# 16 hex digits that follow from it.
# A new global address is checked for duplicates for about a second, in which a container would lose its first packets. RFC
# 4429 lets it use the address meanwhile. The MAC from which the address is formed is unique.
# From version 28 on Docker gives a container another MAC at each start if the planned one came by `network connect`. The
# token makes the kernel ask the router again, because the answer to the old MAC is lost. An address that was formed from
# the old MAC is removed.
conf=/proc/sys/net/ipv6/conf/$1
echo 1 >"$conf/optimistic_dad" && echo 1 >"$conf/use_optimistic"
[ "$2" != - ] || exit
hextets() { echo "$1" | sed "s/..../&:/g; s/:\$//"; }
link=$("$0" -o link show dev "$1")
case $link in *link/ether*) old=${link#*link/ether } old=${old%% *} ;; *) exit ;; esac
if [ "$old" != "$2" ]; then
    echo 1 >"$conf/ndisc_notify"
    echo 1 >"/proc/sys/net/ipv4/conf/$1/arp_notify"
    "$0" link set dev "$1" address "$2" || { echo "the MAC $old stays, the kernel does not take $2"; exit; }
    "$0" token set "::$(hextets "$3")" dev "$1"
    echo "has the MAC $2 in place of $old"
fi
seen=0 removed=0 # a container may have given itself any number
while [ $((seen += 1)) -le 512 ] && [ $removed -lt 16 ] && read -r address _ length scope flags name; do
    case $name,$scope,$length,$flags,$address in
    "$1,00,40,"[0-7]?,*"$3") ;;
    "$1,00,40,"[0-7]?,*fffe??????) removed=$((removed + 1)) && "$0" -6 addr del "$(hextets "$address")/64" dev "$1" ;;
    esac
done </proc/self/net/if_inet6
