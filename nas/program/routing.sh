# Which way packets take, by the kernel's own word; and whether the table's number is free.
# shellcheck disable=SC2016 # the inner program's own $
ROUTING='@routing.awk@'

ask_rules() { rules4=$($ip -4 rule show 2>/dev/null) rules6=$($ip -6 rule show 2>/dev/null); }

# routing: a line for each kind of packet between this host and a container that takes another way than through the shim
routing() {
    ask_rules
    asked="conf $shim $parent $shim_ipv4 $shim_ipv6 $routing_table $table_name$NL$planned== own$NL$($ip -o addr show 2>/dev/null)"
    answers=$(say "$asked" | awk -v ask=1 "$ROUTING" | $ip -o -force -batch - 2>/dev/null)
    say "$asked" '== rules4' "$rules4" '== rules6' "$rules6" '== answers' "$answers" | awk "$ROUTING"
}

# check_table [SHIM]: whether nobody else uses that table or that rule. SHIM: the link's name of before
# shellcheck disable=SC2016 # the inner program's own $
TAKEN='@taken.awk@'
check_table() {
    ask_rules
    taken=$({
        for family in 4 6; do $ip -$family route show table "$routing_table" 2>/dev/null | sed 's/^/route /; 64q'; done
        say "$rules4" "$rules6"
    } | awk -v number="$routing_table" -v name="$table_name" -v shim="$shim" -v before="${1:-$shim}" "$TAKEN")
    [ -z "$taken" ] || { why="routing_table $routing_table is used already: $taken" && return 1; }
}
