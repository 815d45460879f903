# Reports for people and for install.sh.
# shellcheck disable=SC2016 # the inner program's own $
REPORT='@report.awk@'

# What ip reports in the namespace of each attached container, as far as the bounds go: a container may have made any number
# of links, addresses and routes. A link's alias is cut off: it may have line breaks in it
container_details() {
    while read -r tag pid rest; do
        [ -n "$tag" ] || continue
        say "$tag $pid $rest"
        enter "$pid"
        # shellcheck disable=SC2086 # words
        limited 5 $enter sh -c "$ip -o link show | sed 16q; $ip -4 -o addr show | sed 16q; $ip -6 -o addr show scope global | sed 24q
            $ip -6 route show default | sed 16q" 2>/dev/null </dev/null |
            sed -n 's/ alias .*//; /^[0-9][0-9]*: /p; /^default [^"]*$/p'
    done <<EOF
$attached
EOF
    leave_netns
}

# Prints which addresses on stdin, one a line, answer a ping from here; asks 32 at a time
ping_all() {
    command -v ping >/dev/null || return 0
    busy=0
    say pinged
    while read -r address; do
        ping_for "$address"
        # shellcheck disable=SC2086 # may be two words
        { $ping -c 1 -w 2 -W 2 -q "$address" >/dev/null 2>&1 && say "reached $address"; } &
        [ $((busy = (busy + 1) % 32)) -gt 0 ] || wait
    done
    wait
}

# shellcheck disable=SC2016 # the inner program's own $
ANSWERS='@reachability.awk@'

# reachability: asked by install.sh before and after a change
reachability() {
    command -v ping >/dev/null || die "there is no ping"
    refresh || refresh || die "docker does not say which containers run"
    attached=$(say "$attached" | sed 10q)
    compare
    asked=$(say "$addresses" | awk 'NF == 2 && seen[$1]++ < 4') # four of each, so that one cannot use up the time
    { $ip -o addr show | sed 's/^/own /' && say "$asked" | awk '{ print $2 }' | ping_all; say "$asked"; } |
        awk "$ANSWERS"
}

# drifts: one line for each thing that is not as wanted
drifts() {
    case $link_state in
    right) ;;
    missing) say "link $shim is not there" && return ;;
    foreign) say "$shim is no macvlan" && return ;;
    *) say "link $shim: ${link_state#wrong }" && return ;;
    esac
    for item in $sysctls_wrong; do say "sysctl ${item%%=*} should be ${item#*=}"; done
    changes | sed 's/^/needs: /'
}

all_drifts() {
    drifts
    [ -z "$ways" ] || say "$ways"
}

notes() {
    without=''
    [ "$ipv6" != loop ] || without=', and none gets IPv6'
    command -v docker >/dev/null || say 'no docker client on PATH: containers are not known'
    command -v nsenter >/dev/null || $ip netns list >/dev/null 2>&1 ||
        say "neither nsenter nor ip netns: default routes and MACs in containers stay as docker made them$without"
    for family in 4 6; do
        case $family/$tables in
        4/[0-9]* | 6/*[0-9]) ;;
        *) say "this kernel has no policy routing for IPv$family: routes are in table main, where others may win" ;;
        esac
    done
}

status() { # table|json|brief
    compare
    state=ok code=0
    as_wanted || state=drifted code=1
    [ "$link_state" != missing ] || state=down code=3
    own6=${shim_ipv6#-}
    count=$(printf %s "$planned" | grep -c .)
    title="shim $shim on $parent: $shim_ipv4${own6:+, $own6}; $count containers, $wanted routes"
    case $1 in
    brief)
        [ $code -eq 0 ] || title="shim $shim on $parent: $state: $(drifts | sed 4,\$d | tr '\n' ';')"
        say "$title"
        ;;
    *)
        ways=''
        [ "$link_state" != right ] || ways=$(routing)
        [ -z "$ways" ] || [ $code != 0 ] || state=drifted code=1
        refresh
        details=$(container_details)
        reached=$(say "$details" | awk '$1 == "attached" { print $4; print $5 }
            $3 == "inet6" { sub(/\/.*/, "", $4); print $4 }' | ping_all)
        containers=$(printf '%s\n' "$reached" "$planned" "$details" | awk -v json="$([ "$1" = table ] || say 1)" "$REPORT")
        "status_$1"
        ;;
    esac
    return $code
}

status_table() {
    say "$title" "state     $state" "routes    $wanted wanted, $present present, $((wanted - present)) missing, $stale stale"
    all_drifts | sed 's/^/drift     /'
    notes | sed 's/^/note      /'
    [ -z "$containers" ] || say '' "containers (! = no answer from here)" "$containers"
}

status_json() {
    say "{\"version\": 1, \"state\": \"$state\", \"network\": \"$network\", \"shim\": {\"name\": \"$shim\"," \
        "\"parent\": \"$parent\", \"mac\": \"$shim_mac\", \"ipv4\": \"$shim_ipv4\", \"ipv6\": ${own6:+\"}${own6:-null}${own6:+\"}}," \
        "\"routes\": {\"wanted\": $wanted, \"present\": $present, \"stale\": $stale," \
        "\"table_ipv4\": \"${tables% *}\", \"table_ipv6\": \"${tables#* }\"}," \
        "\"drift\": [$(all_drifts | sed 's/["\\]/\\&/g; s/.*/"&"/; $!s/$/,/')]," "\"notes\": [$(notes | sed 's/.*/"&"/; $!s/$/,/')]," \
        "\"containers\": [$containers]}"
}
