# Policy routing: whether the kernel has it, whether our number is free, and which way packets to the containers take.
# shellcheck disable=SC2016 # the inner programs' own $
ROUTING='@routing.awk@'
# shellcheck disable=SC2016
TAKEN='@taken.awk@'

# Lines `without FAMILY` (the kernel has no policy routing for it), `name TABLE NAME` (what ip calls that table), `ours FAMILY
# TABLE` (the last run's rule is in place), `taken TEXT`, and `way TEXT` for packets that take another way than they should
report_routing() {
    [ -n "$table" ] || return 0
    name='' recorded_name=''
    rules4=$($ip -4 rule show | sed 512q)
    rules6=$($ip -6 rule show | sed 512q)
    for number in "$table" ${recorded_table:+"$recorded_table"}; do
        called=$(name_of_table "$number")
        [ -z "$called" ] || say "name $number $called"
        [ "$number" != "$table" ] || name=$called
        [ "$number" != "$recorded_table" ] || recorded_name=$called
    done
    {
        say "$rules4" | sed 's/^/4 /'
        say "$rules6" | sed 's/^/6 /'
    } | awk -v number="${recorded_table:-0}" -v name="$recorded_name" '{ known[$1] = known[$1] || NF > 1 }
        $2 + 0 <= number && /from all lookup/ && ($6 == number || $6 == name) { ours[$1] }
        END { for (f in known) if (!known[f]) print "without", f; for (f in ours) print "ours", f, number }'
    {
        for family in 4 6; do $ip -$family route show table "$table" | sed 's/^/route /; 64q'; done
        say "$rules4" "$rules6"
    } | awk -v number="$table" -v name="$name" -v shim="$shim" -v before="$shim" "$TAKEN" | sed 's/^/taken /'
    # The shim's addresses, if it is there
    here=$($ip -o addr show dev "$shim" | awk '{ sub(/\/.*/, "", $4) } $3 == "inet" { v4 = $4 } $3 == "inet6" && $4 !~ /^fe80:/ { v6 = $4 }
        END { print (v4 == "" ? "-" : v4), (v6 == "" ? "-" : v6) }')
    # shellcheck disable=SC2086 # addresses only
    asked="conf $shim $parent $here $table $name$NL$(say $asks | sed 's/^/planned - - /; 512q')$NL== own$NL$($ip -o addr show)"
    answers=$(say "$asked" | awk -v ask=1 "$ROUTING" | $ip -o -force -batch -)
    say "$asked" '== rules4' "$rules4" '== rules6' "$rules6" '== answers' "$answers" |
        awk -v missing="$([ "$here" != '- -' ] || say 1)" "$ROUTING" | sed 's/^/way /'
}
