# Which device has which address: asked first, in the background, and read last.
# pings SECONDS ADDRESS. There is no -w, because with it ping may send once more as its time ends and wait for that too.
pings() {
    ping_for "$2"
    # shellcheck disable=SC2086 # may be two words
    $ping -c 1 -W "$1" -q "$2" >/dev/null 2>&1
}

# After three seconds without an answer the kernel may forget that it asked, and 250 pings may take as long to start
sent() { $ip neigh show 2>/dev/null | sed 's/^/sent /'; }

# Prints `able` (there is a ping, and this user may use it), `pinged ADDRESS`, and `sent ADDRESS ...` at times
ask_all() {
    pings 5 127.0.0.1 || return 0
    say able
    [ -z "$gateway" ] || { ! pings 2 "$gateway" || say "pinged $gateway"; } &
    busy=0
    for address in $asks; do
        { ! pings 1 "$address" || say "pinged $address"; } &
        [ $((busy = (busy + 1) % 250)) -gt 0 ] || { sent && wait; }
        [ $((busy % 50)) -gt 0 ] || sent
    done
    sent
    wait
}

# shellcheck disable=SC2016 # the inner program's own $
NEIGHBOURS='@neighbours.awk@'

judge() {
    # shellcheck disable=SC2086 # addresses only
    {
        say '== told' "$told" '== gateway' "$gateway"
        [ -z "$gateway" ] || $ip route get "$gateway" 2>/dev/null
        say '== asked' $asks '== before' "$before" '== own'
        $ip -o addr show
        say '== neighbours'
        $ip neigh show
    } | awk "$NEIGHBOURS"
}

report_gateway() {
    judged=$(judge)
    say "$judged" | sed -n 's/^gateway //p'
}

report_answers() { say "$judged" | grep -E '^(answer|routed|unasked) '; }
