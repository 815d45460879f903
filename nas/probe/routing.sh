# Policy routing: whether the kernel has it, whether our number is free, and which way packets to the containers take.
# Lines `without FAMILY` (the kernel has no policy routing for it), `name TABLE NAME` (what ip calls that table), `ours FAMILY
# TABLE` (the last run's rule is in place), `taken TEXT`, and `way TEXT` for packets that take another way than they should
report_routing() {
    [ -n "$table" ] || return 0
    name='' recorded_name=''
    ask_rules
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
    table_user "$table" "$name" "$shim" "$shim" | sed 's/^/taken /'
    # The shim's addresses, if it is there
    here=$($ip -o addr show dev "$shim" | awk '{ sub(/\/.*/, "", $4) } $3 == "inet" { v4 = $4 } $3 == "inet6" && $4 !~ /^fe80:/ { v6 = $4 }
        END { print (v4 == "" ? "-" : v4), (v6 == "" ? "-" : v6) }')
    # While there is a shim, only of addresses that the last run knew: for others there is no route yet
    routed=$asks
    [ "$here" = '- -' ] || routed=$(recorded_addresses | awk -v asks="$asks" 'BEGIN { n = split(asks, a); for (i = 1; i <= n; i++) asked[a[i]] }
        $1 in asked')
    # shellcheck disable=SC2086 # addresses only
    other_ways "$shim $parent $here $table $name" "$(say $routed | sed 's/^/planned - - /; 512q')" \
        "$([ "$here" != '- -' ] || say 1)" | sed 's/^/way /'
}
