# Sets the planned MAC of containers, and removes addresses that were formed from another one.
# Runs in a container's namespace: sh -c "$SET_MAC" IP DEV MAC SUFFIX, with the words of a `seen` line.
# shellcheck disable=SC2016 # the inner program's own $
SET_MAC='@set_mac.sh@'

# set_macs: handles each interface once when it appears, and again if it has an address of another MAC. A round without
# either starts no process.
set_macs() {
    while read -r line; do
        # shellcheck disable=SC2086 # split into words; set -f keeps them from becoming file names
        set -- $line
        [ $# -eq 6 ] || continue
        case $strays in
        *" $1 "*) ;;
        *) case $NL$arranged in *"$NL$line$NL"*) continue ;; esac ;;
        esac
        enter "$1"
        said=$($enter sh -c "$SET_MAC" "$ip" "$2" "$4" "$5" 2>/dev/null </dev/null)
        [ -z "$said" ] || log "$6" "$6: ${said%%"$NL"*}"
    done <<EOF
$seen
EOF
    arranged=$seen
}

# After the shim's MAC has changed, containers would send to the old one for up to a minute
forget_old_mac() {
    while read -r pid dev _; do
        [ -n "$pid" ] || continue
        enter "$pid"
        $enter "$ip" neigh flush dev "$dev" >/dev/null 2>&1
    done <<EOF
$seen
EOF
}
