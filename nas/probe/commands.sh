# All sections, in their order.
sections() {
    told='' as='' containers=''
    say '' # ends the line that a login script may have begun
    for section in user system tools macvlan links addresses routes routing sysctls docker networks containers inside volumes \
        files conf others loop units sshd host_keys leftovers gateway answers routers; do
        [ $section != gateway ] || told=$(cat) # waits for pings and routers
        say "== $section"
        "report_$section" 2>/dev/null </dev/null
    done
    say '== end'
}

# It is called in the last line, so that a script that was cut off on its way does nothing
main() {
    accept "$@"
    recorded=$(recorded_value shim 2>/dev/null)
    shim=${recorded:-$shim}
    recorded_table=$(recorded_value routing_table 2>/dev/null)
    find_tools
    before=$($ip neigh show 2>/dev/null)
    find_lan_link
    # What routers say comes behind the pings, because lines of two writers could end up within each other
    hear_routers | { ask_all </dev/null; cat; } | sections
}
main "$@" </dev/null
