# Compares the kernel's state with what the conf wants.
# shellcheck disable=SC2016 # the inner programs' own $
LEARN='@learn.awk@'
# shellcheck disable=SC2016
COMPARE="$LEARN"'@compare.awk@'

# This route protocol number marks routes learned from running containers. `start` leaves them to the watch loop.
LEARNED=@LEARNED_PROTO@
# knows: 1 once docker has said which containers run; attached: its answer, lines `attached PID NAME IPV4 ULA MAC GIVE`
knows=0 attached=''
# The table of each family's routes at the last look: main if the kernel has no policy routing for it
tables='main main'

# Sets $siblings to the tables of installations of this program: each leaves its number in $run, so that no two of them try
# to come first in turn
find_siblings() {
    siblings=''
    set +f
    for file in "$run"/macvlan-ipv6.table.*; do ! is_table "${file##*.}" || siblings="$siblings ${file##*.}"; done
    set -f
}

# compare: sets link_state, todo, rules_todo, moved, old_rules, own_rules, wanted, present, stale, tables, addresses, seen, strays, dead,
# gone, late. Starts four ip processes and changes nothing.
compare() {
    find_siblings
    todo='' rules_todo='' moved='' old_rules='' own_rules='' addresses='' dead='' seen='' strays=' ' gone='' late=''
    found=$({
        say "conf $shim $parent $shim_mac $shim_ipv4 $shim_ipv6 ${placeholder_gateway:--} $knows $LEARNED ${others:--}" \
            "tables $routing_table ${table_name:--} $tables$siblings" "$planned" "$attached" '== link'
        $ip -d addr show dev "$shim"
        say '== rules4'
        $ip -4 rule show
        say '== rules6'
        $ip -6 rule show
        say '== routes'
        $ip route show table all dev "$shim"
    } 2>/dev/null | awk "$COMPARE") || die "awk failed: this program needs a working awk"
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
