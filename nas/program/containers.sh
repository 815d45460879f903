# What docker says of the containers on the network, and how to get into one's namespace.
# A dockerd that hangs must not stop the loop.
docker_limited() { limited 10 docker "$@"; }

# refresh: which containers are on the network now; when docker does not say, what was known stays. A container that is
# gone by the second question is an error of docker's: the others it tells of are served, and none is forgotten.
refresh() {
    due=20 unanswered=y told=''
    ids=$(docker_limited ps -q --no-trunc --filter "network=$network") || return 1
    # ids are hex, one word each
    # shellcheck disable=SC2086
    [ -z "$ids" ] || told=$(docker_limited inspect --format "attached {{.State.Pid}} {{.Name}} \
{{with index .NetworkSettings.Networks \"$network\"}}{{or .IPAddress \"-\"}} {{or .GlobalIPv6Address \"-\"}}{{end}}" \
        $ids) || { [ -z "$told" ] || knows=0 attached=$told; return 1; }
    knows=1 attached=$told unanswered=''
} 2>/dev/null # some shells tell of what is killed

# restart_outrun: engines before 29 give up a container's start when the router's advertisement has set a default route before
# they do, at boot as well as by hand. Such a one is started again, ten times at most until it has run. In its first
# minute it is left to who made it: `pulumi up` removes it then and makes it anew, and must not meet it running.
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

# enter PID: sets $enter to what runs a command in that process's network namespace
enter() {
    enter="nsenter -t $1 -n"
    if ! command -v nsenter >/dev/null; then
        mkdir -p /var/run/netns && ln -sfn "/proc/$1/ns/net" "/var/run/netns/$me.$$"
        enter="$ip netns exec $me.$$"
    fi
}
leave_netns() { case ${enter:-} in *netns*) rm -f "/var/run/netns/$me.$$" ;; esac; }
