# Which way packets take, by the kernel's own word; and whether the table's number is free.
routing() {
    ask_rules
    other_ways "$shim $parent $shim_ipv4 $shim_ipv6 $routing_table $table_name" "$planned"
}

# check_table [SHIM]: whether nobody else uses that table or that rule. SHIM: the link's name of before
check_table() {
    ask_rules
    taken=$(table_user "$routing_table" "$table_name" "$shim" "${1:-$shim}")
    [ -z "$taken" ] || { why="routing_table $routing_table is used already: $taken" && return 1; }
}
