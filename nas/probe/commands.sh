# All sections, in their order.
sections() {
    told='' as='' containers=''
    say '' # ends the line that a login script may have begun
    for section in user system tools macvlan links addresses routes routing sysctls docker networks containers inside files \
        conf others loop units sshd host_keys leftovers gateway answers; do
        [ $section != gateway ] || told=$(cat) # waits for the pings
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
    ask_all | sections
}
main "$@" </dev/null
