# The default route that docker gives to containers through a gateway where nobody is.
end_gateway_check() {
    [ -n "$asker" ] || return 0
    { kill -9 "$asker" && wait "$asker"; } 2>/dev/null # bash tells of what is killed
    asker=''
    $ip -6 route del "$placeholder_gateway" dev "$shim" 2>/dev/null
}

# check_gateway: whether anybody is at $placeholder_gateway. The host asks through the shim, before there is a container even, so
# that the first one's first packets are safe. A ping in the background makes the kernel send its three neighbour
# solicitations; a later round reads what came of them. Without an answer (no ping) $gateway stays as it was. Asked
# again after 20 rounds; while unknown, at once, five times after an event.
check_gateway() {
    if [ -n "$asker" ]; then
        case $($ip -6 neigh show "$placeholder_gateway" dev "$shim" 2>/dev/null) in
        *lladdr*) gateway=somebody ;;
        *FAILED*) gateway=nobody ;;
        *) ! kill -0 "$asker" 2>/dev/null || return 0 ;;
        esac
        end_gateway_check
    elif [ "$link_state" = right ] &&
        { [ $((asked -= 1)) -lt 0 ] || { [ "$gateway" = unknown ] && [ "$quick" -gt 0 ]; }; }; then
        # On this link only: a neighbour is given up after 0.75 s instead of 3
        say 250 2>/dev/null >"/proc/sys/net/ipv6/neigh/$shim/retrans_time_ms"
        asker=none # whoever ends the loop from here on takes the route away
        $ip -6 route replace "$placeholder_gateway" dev "$shim" proto "$LEARNED" 2>/dev/null
        # shellcheck disable=SC2086 # may be two words
        $ping6 -c 1 -w 2 -q "$placeholder_gateway" >/dev/null 2>&1 &
        asker=$! asked=20 quick=$((quick - 1))
    fi
}

# docker gives each container a default route through the gateway of the ULA subnet. Where that is nobody, packets
# beside and before the router's own default are lost in it.
clear_placeholder_routes() {
    [ -n "$placeholder_gateway" ] || return 0
    check_gateway
    [ "$gateway" = nobody ] || return 0
    while read -r pid dev container; do
        [ -n "$pid" ] || continue
        enter "$pid"
        $enter "$ip" -6 route del default via "$placeholder_gateway" dev "$dev" 2>/dev/null &&
            say "$container: default route via $placeholder_gateway removed, nobody is there"
    done <<EOF
$dead
EOF
}
