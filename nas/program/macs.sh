# The MAC of each container that the conf names one for, and what follows from it.
# What is done in a container's namespace: sh -c "$SET_MAC" IP DEV MAC SUFFIX, as `seen` has them.
# shellcheck disable=SC2016 # the inner program's own $
SET_MAC='@set_mac.sh@'

# arrange: once each interface that comes, and one with an address of another MAC. In rounds without either: no process
set_macs() {
    while read -r line; do
        # shellcheck disable=SC2086 # words, without any of the file names' magic (set -f)
        set -- $line
        [ $# -eq 6 ] || continue
        case $strays in
        *" $1 "*) ;;
        *) case $NL$arranged in *"$NL$line$NL"*) continue ;; esac ;;
        esac
        enter "$1"
        said=$($enter sh -c "$SET_MAC" "$ip" "$2" "$4" "$5" 2>/dev/null </dev/null)
        [ -z "$said" ] || say "$6: ${said%%"$NL"*}"
    done <<EOF
$seen
EOF
    arranged=$seen
}

# With another MAC of the shim's: containers know this host by the one before, and would for up to a minute
forget_old_mac() {
    while read -r pid dev _; do
        [ -n "$pid" ] || continue
        enter "$pid"
        $enter "$ip" neigh flush dev "$dev" >/dev/null 2>&1
    done <<EOF
$seen
EOF
}
