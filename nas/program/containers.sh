# Asks docker about the containers on the network, and enters their network namespaces.
# A dockerd that hangs must not stop the loop.
docker_limited() { limited 10 docker "$@"; }

# shellcheck disable=SC2016 # the inner programs' own $
GIVE="$LEARN"'@give.awk@'
# A client from version 29 on calls an address that is not there "invalid IP" (docs/upstream-facts.md#docker-client-invalid-ip)
ENDPOINT='{{if eq (print .IPAddress) "" "invalid IP"}}-{{else}}{{.IPAddress}}{{end}}'
ENDPOINT=$ENDPOINT' {{if eq (print .GlobalIPv6Address) "" "invalid IP"}}-{{else}}{{.GlobalIPv6Address}}{{end}}'
ENDPOINT=$ENDPOINT' {{or .MacAddress "-"}}'
# shellcheck disable=SC2016 # docker's own $
SYSCTLS=' {{json $.HostConfig.Sysctls}} {{json .DriverOpts}}'

# know LINES: sets $attached to docker's answer and, where the loop gives IPv6, to what it gives
know() {
    told=$1
    [ "$ipv6" != loop ] || told=$(say "$planned$told" |
        awk -v others="$others" -v subnet="$lan_subnet" -v prefix="$ula_prefix" -v shim="$shim_ipv6" "$GIVE") || return 1
    attached=$told
}

# refresh: asks docker which containers are on the network. If docker does not answer, its last answer stays. If one of
# them ends between the two questions, docker reports an error: the loop then serves the others and forgets none.
refresh() {
    due=20 unanswered=y told='' sysctls=''
    [ "$ipv6" != loop ] || sysctls=$SYSCTLS
    ids=$(docker_limited ps -q --no-trunc --filter "network=$network") || return 1
    # ids are hex, one word each
    # shellcheck disable=SC2086
    [ -z "$ids" ] || told=$(docker_limited inspect --format "attached {{.State.Pid}} {{.Name}} \
{{with index .NetworkSettings.Networks \"$network\"}}$ENDPOINT$sysctls{{end}}" \
        $ids) || { [ -z "$told" ] || { know "$told" && knows=0; }; return 1; }
    know "$told" || return 1
    knows=1 unanswered=''
} 2>/dev/null # some shells report a killed child

# restart_outrun: before version 29, docker aborts a container's start if a router advertisement has already set a default
# route, at boot as at any other start. The loop starts such a container again, at most ten times until it has run. It
# leaves a container alone in its first minute, because `pulumi up` then removes and recreates it.
restart_outrun() {
    aged=$(docker_limited ps -a --no-trunc --filter "network=$network" --filter status=created --filter status=exited \
        --format '{{.ID}} {{.RunningFor}}') || return 0
    case $aged in *second*) due=5 ;; esac
    ids=$(say "$aged" | awk '!/second/ { print $1 }') told='' still=''
    # shellcheck disable=SC2086 # hex, one word each
    [ -z "$ids" ] || told=$(docker_limited inspect --format 'stopped {{.Id}} {{.Name}} {{json .State.Error}}' $ids)
    while read -r tag id container error; do
        case $tag/$error in stopped/*'failed to set IPv6 gateway'*) ;; *) continue ;; esac
        tries=0
        case $restarted in *"$id:"*) tries=${restarted##*"$id:"} && tries=${tries%% *} ;; esac
        still="$still $id:$((tries + 1))"
        [ "$tries" -lt 10 ] || continue
        say "${container#/}: an advertisement outran its start by docker; started again"
        docker_limited start "$id" >/dev/null
    done <<EOF
$told
EOF
    restarted=$still
} 2>/dev/null

# enter PID: sets $enter to the words that run a command in that process's network namespace
enter() {
    enter="nsenter -t $1 -n"
    if ! command -v nsenter >/dev/null; then
        mkdir -p /var/run/netns && ln -sfn "/proc/$1/ns/net" "/var/run/netns/$me.$$"
        enter="$ip netns exec $me.$$"
    fi
}
leave_netns() { case ${enter:-} in *netns*) rm -f "/var/run/netns/$me.$$" ;; esac; }
