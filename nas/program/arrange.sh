# What the loop changes in containers: the planned MAC, IPv6 where the loop gives it, and how quickly addresses can be used. It
# records what was before, and takes its changes back.
# Runs in a container's namespace, with the words of a `seen` line.
# shellcheck disable=SC2016 # the inner programs' own $
RECORD='@record.sh@'
# shellcheck disable=SC2016
ARRANGE="$RECORD"'@arrange.sh@'
# shellcheck disable=SC2016
WITHDRAW='@withdraw.sh@'
# shellcheck disable=SC2016
UNWANTED="$LEARN"'@withdraw.awk@'

# arrange: handles each interface once when it appears, and again if it has not what it should have. A round without either
# starts no process.
arrange() {
    [ "$strays$seen" != " $arranged" ] || return 0 # a shell may need a process to read from a long text
    while read -r line; do
        # shellcheck disable=SC2086 # split into words; set -f keeps them from becoming file names
        set -- $line
        [ $# -eq 7 ] || continue
        case $strays in
        *" $1 "*) ;;
        *) case $NL$arranged in *"$NL$line$NL"*) continue ;; esac ;;
        esac
        started "$1" || continue
        [ -e "$given" ] || (umask 077 && true >"$given") 2>/dev/null
        enter "$1"
        said=$($enter sh -c "$ARRANGE" "$ip" "$2" "$4" "$5" "$7" "$1" "$started" "$given" 2>/dev/null </dev/null)
        while [ -n "$said" ]; do
            log "$6" "$6: ${said%%"$NL"*}"
            case $said in *"$NL"*) said=${said#*"$NL"} ;; *) said='' ;; esac
        done
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

# take_back all|ipv6|unwanted: see withdraw.awk. If a namespace cannot be entered, the record stays, and the next try does
# everything again, which changes nothing that is back already
take_back() {
    [ -s "$given" ] || return 0
    answer=$({ say "$planned$attached" && sed '8192q; s/^/given /' "$given"; } |
        awk -v what="$1" -v others="$others" "$UNWANTED") || return 1
    case $NL$answer in *"${NL}back "*) ;; *) return 0 ;; esac
    stays='' failed=''
    while read -r kind words; do
        case $kind in
        stays) stays="$stays$words$NL" ;;
        back)
            # shellcheck disable=SC2086 # words
            set -- $words
            still_runs "$1.$2" || continue
            enter "$1"
            $enter sh -c "$WITHDRAW" "$ip" "$@" >/dev/null 2>&1 </dev/null || ! still_runs "$1.$2" || failed=y
            ;;
        esac
    done <<EOF
$answer
EOF
    [ -z "$failed" ] || return 1
    (umask 077 && printf %s "$stays" >"$given.new") && mv -f "$given.new" "$given"
    [ -n "$stays" ] || rm -f "$given"
}

# withdraw [ipv6]
withdraw() {
    lock || die "$why"
    why=''
    take_back "${1:-all}" || why="not everything could be taken back: the record $given stays"
    leave_netns
    unlock
    [ -z "$why" ] || die "$why"
}
