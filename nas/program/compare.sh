# Compares the kernel's state with what the conf wants.
# shellcheck disable=SC2016 # the inner programs' own $
COMPARE='@learn.awk@''@compare.awk@'

# This route protocol number marks routes learned from running containers. `start` leaves them to the watch loop.
LEARNED=@LEARNED_PROTO@
# knows: 1 once docker has said which containers run; attached: its answer, lines `attached PID NAME IPV4 ULA MAC`
knows=0 attached=''
# What ip says of the rules of each family; nothing if the kernel has no policy routing. A failed answer leaves the last one
rules4='' rules6=''

ask_rules() {
    ! said=$($ip -4 rule show 2>/dev/null) || rules4=$said
    ! said=$($ip -6 rule show 2>/dev/null) || rules6=$said
}

# The tables of other installations of this program: each leaves its number in $run, so that no two try to come first
siblings() {
    set +f
    for file in "$run"/macvlan-ipv6.table.*; do is_table "${file##*.}" && printf ' %s' "${file##*.}"; done
}

# compare: sets link_state, todo, rules_todo, moved, old_rules, own_rules, wanted, present, stale, tables, addresses, seen, strays, dead,
# gone, late. Starts four ip processes and changes nothing.
compare() {
    link_seen=$($ip -d addr show dev "$shim" 2>/dev/null) || link_seen=''
    routes_seen=$([ -z "$link_seen" ] || $ip route show table all dev "$shim" 2>/dev/null)
    ask_rules
    todo='' rules_todo='' moved='' old_rules='' own_rules='' addresses='' dead='' seen='' strays=' ' gone='' late=''
    found=$(printf '%s\n' "conf $shim $parent $shim_mac $shim_ipv4 $shim_ipv6 ${placeholder_gateway:--} $knows $LEARNED \
$routing_table ${table_name:--}$(siblings)" "$planned" "$attached" '== link' "$link_seen" '== rules4' "$rules4" '== rules6' "$rules6" \
        '== routes' "$routes_seen" | awk "$COMPARE") ||
        die "awk failed: this program needs a working awk"
    while read -r kind words; do
        case $kind in
        do) todo="$todo$words$NL" ;;
        rule) rules_todo="$rules_todo$words$NL" ;;
        moved) moved="$moved$words$NL" ;;
        norule) old_rules="$old_rules$words$NL" ;;
        ours) own_rules="$own_rules$words$NL" ;;
        dead) dead="$dead$words$NL" ;;
        seen) seen="$seen$words$NL" ;;
        address) addresses="$addresses$words$NL" ;;
        stray) strays="$strays$words " ;;
        gone) gone=y ;;
        late) late=y ;;
        link) link_state=$words ;;
        wanted) wanted=$words ;;
        present) present=$words ;;
        stale) stale=$words ;;
        tables) tables=$words ;;
        esac
    done <<END
$found
END
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

as_wanted() { sysctls check && [ "$link_state$todo$rules_todo$moved$old_rules$sysctls_wrong" = right ]; }
