# Removes the default route through the placeholder gateway from containers, if no device has that address.
end_gateway_check() {
    [ -n "$asker" ] || return 0
    { kill -9 "$asker" && wait "$asker"; } 2>/dev/null # bash reports a killed child
    asker=''
    # shellcheck disable=SC2086 # two words or none
    $ip -6 route del "$placeholder_gateway" dev "$shim" $in_table 2>/dev/null
}

# check_gateway: finds out whether a device has the address $placeholder_gateway. The host asks through the shim, even
# before there is a container, so that the first container loses no packets. A ping in the background makes the kernel
# send its three neighbour solicitations, and a later round reads the result. Without a result (no ping) $gateway stays
# as it was. The loop asks again after 20 rounds. While the result is unknown it asks at once, five times after an event.
check_gateway() {
    if [ -n "$asker" ]; then
        neighbour=$($ip -6 neigh show "$placeholder_gateway" dev "$shim" 2>/dev/null)
        case $neighbour in
        *lladdr*) gateway=answers && ! answered_by_container || gateway=silent ;;
        *FAILED*) gateway=silent ;;
        *) ! kill -0 "$asker" 2>/dev/null || return 0 ;;
        esac
        end_gateway_check
    elif [ "$link_state" = right ] &&
        { [ $((asked -= 1)) -lt 0 ] || { [ "$gateway" = unknown ] && [ "$quick" -gt 0 ]; }; }; then
        # On this link only, the kernel gives up on a neighbour after 0.75 s instead of 3 s
        say 250 2>/dev/null >"/proc/sys/net/ipv6/neigh/$shim/retrans_time_ms"
        asker=none # from here on end_gateway_check has a route to remove
        case $tables in *main) in_table='' ;; *) in_table="table $routing_table" ;; esac
        # shellcheck disable=SC2086 # two words or none
        $ip -6 route replace "$placeholder_gateway" dev "$shim" $in_table proto "$LEARNED" 2>/dev/null
        # shellcheck disable=SC2086 # may be two words
        $ping6 -c 1 -w 2 -q "$placeholder_gateway" >/dev/null 2>&1 &
        asker=$! asked=20 quick=$((quick - 1))
    fi
}

# A container that takes the address would get the others' traffic
answered_by_container() {
    neighbour=${neighbour#*lladdr } neighbour=${neighbour%% *}
    case $planned$attached in *"$neighbour"*) ;; *) return 1 ;; esac
}

# Docker gives each container a default route through the gateway of the ULA subnet. If no device has that address, the
# packets that take this route are lost, both before and beside the router's own default route.
clear_placeholder_routes() {
    [ -n "$placeholder_gateway" ] || return 0
    check_gateway
    [ "$gateway" = silent ] || return 0
    while read -r pid dev container; do
        [ -n "$pid" ] || continue
        enter "$pid"
        $enter "$ip" -6 route del default via "$placeholder_gateway" dev "$dev" 2>/dev/null &&
            log "$container" "$container: default route via $placeholder_gateway removed, no device has that address"
    done <<EOF
$dead
EOF
}
