# Compares the kernel's state with what the conf wants.
# shellcheck disable=SC2016 # the inner program's own $
COMPARE='@compare.awk@'

# This route protocol number marks routes learned from running containers. `start` leaves them to the watch loop.
LEARNED=@LEARNED_PROTO@
# knows: 1 once docker has said which containers run; attached: its answer, lines `attached PID NAME IPV4 ULA`
knows=0 attached=''

# compare: sets link_state, todo, wanted, present, stale, seen, strays, dead, gone, late.
# Starts two ip processes and changes nothing.
compare() {
    link_seen=$($ip -d addr show dev "$shim" 2>/dev/null) || link_seen=''
    routes_seen=$([ -z "$link_seen" ] || $ip route show table all dev "$shim" 2>/dev/null)
    todo='' dead='' seen='' strays=' ' gone='' late=''
    found=$(printf '%s\n' "conf $shim $parent $shim_mac $shim_ipv4 $shim_ipv6 ${placeholder_gateway:--} $knows $LEARNED" \
        "$planned" "$attached" '== link' "$link_seen" '== routes' "$routes_seen" | awk "$COMPARE") ||
        die "awk failed: this program needs a working awk"
    while read -r kind words; do
        case $kind in
        do) todo="$todo$words$NL" ;;
        dead) dead="$dead$words$NL" ;;
        seen) seen="$seen$words$NL" ;;
        stray) strays="$strays$words " ;;
        gone) gone=y ;;
        late) late=y ;;
        link) link_state=$words ;;
        wanted) wanted=$words ;;
        present) present=$words ;;
        stale) stale=$words ;;
        esac
    done <<EOF
$found
EOF
}

SHIM_SYSCTLS='@SHIM_SYSCTLS@'

# sysctls check|set: lists in $sysctls_wrong those that differ. They are set before the link is up, because the shim would
# otherwise accept router advertisements.
sysctls() {
    sysctls_wrong=''
    for item in $SHIM_SYSCTLS; do
        file=${item#*/}
        file=/proc/sys/net/${item%%/*}/conf/$shim/${file%=*}
        now=''
        read -r now 2>/dev/null <"$file"
        case $now in '' | "${item#*=}") continue ;; esac # no addr_gen_mode before 3.17, or no link any more
        sysctls_wrong="$sysctls_wrong $item"
        [ "$1" = check ] || say "${item#*=}" 2>/dev/null >"$file" || { why="cannot set $file" && return 1; }
    done
}

as_wanted() { sysctls check && [ "$link_state$todo$sysctls_wrong" = right ]; }
