# The loop: listens to docker, reconciles, sleeps.
# listen: turns docker's events into USR1. The client writes into a pipe that a subshell reads, so that the loop knows both
# process numbers and can end both. It also listens for container start, because at network connect the container's
# process may not exist yet.
listen() {
    command -v docker >/dev/null || return 0
    if [ -z "$reader" ]; then
        rm -f "$lock.pipe"
        # Each side keeps one end only, so that the client notices when its reader ends. The first opening is for both
        # directions, because opening one end alone waits for the other
        # shellcheck disable=SC2094
        mkfifo -m 600 "$lock.pipe" && exec 4<>"$lock.pipe" 3>"$lock.pipe" 4<"$lock.pipe" && rm -f "$lock.pipe" || return 1
        while read -r event_type event_name; do
            # If the loop was killed, this reader ends at the next event, and the client at the one after that
            read -r stat </proc/self/stat && stat=${stat##*) ? } && [ "${stat%% *}" = $$ ] || exit
            case $event_type/$event_name in container/* | "network/$network") kill -USR1 $$ ;; esac
        done <&4 3>&- 4<&- 2>/dev/null &
        reader=$!
        exec 4<&-
    fi
    if [ -z "$client" ] || ! kill -0 "$client" 2>/dev/null; then
        # --since covers the time until the client listens. For what happened before that, the loop asks docker
        docker events --since "$(date +%s)" --filter type=network --filter type=container --filter event=connect \
            --filter event=disconnect --filter event=start --format '{{.Type}} {{.Actor.Attributes.name}}' \
            >&3 2>/dev/null 3>&- &
        client=$! due=0
    fi
}

leave() {
    trap '' HUP USR1
    exec 2>/dev/null # bash reports each killed child
    end_gateway_check
    for child in $client $reader $sleeper; do kill -9 "$child" 2>/dev/null; done
    wait
    [ "$(readlink "$lock")" != "$self" ] || unlock
    leave_netns
    exit 0
}

# reload: the program file may be a new version, so it is started in place of this process. A bad conf changes nothing
reload() {
    reloading=''
    said=$("$0" check "$conf" "$shim" 2>&1) || { say "not reloaded: $said"; return; }
    {
        end_gateway_check
        for child in $client $reader $sleeper; do kill -9 "$child"; done
        wait
    } 2>/dev/null
    exec 3>&-
    exec "$0" watch "$conf" "$shim"
}

# One round: compare, and only when something differs take the lock and compare again.
reconcile_once() {
    compare
    [ -z "$gone" ] || [ -n "$unanswered" ] || { refresh && compare; }
    arrange # first, because the router answers a new container within about a second
    clear_placeholder_routes
    if ! as_wanted; then
        start
        case $done in 'wrong its MAC'*) forget_old_mac ;; esac
        [ -n "$why" ] || log - "corrected: $(say "$done" | sed '/^$/d; 5s/.*/and more/; 6,$d' | tr '\n' ';')"
        [ "$why" = "$last_why" ] || log - "${why:-$shim is as wanted again}"
        last_why=$why
    fi
}

# What needs docker's whole answer
attend() {
    take_back unwanted
    restart_outrun
}

end_sleep() { [ -z "$sleeper" ] || kill -9 "$sleeper" 2>/dev/null; }

watch() { # [SHIM]: its name before a reload
    in_table='' event=y unanswered='' reloading='' sleeper='' client='' reader='' asker='' pause=1
    gateway=unknown asked=0 quick=0 arranged='' last_why='' hurry=0 moment=1 due=0
    restarted='' keeper=${MACVLAN_KEEPER:-}${MACVLAN_KEEPER_STARTED:+.$MACVLAN_KEEPER_STARTED}
    ! sleep 0.01 2>/dev/null || moment=0.2
    identify || die "cannot read /proc/$$/stat"
    trap leave TERM INT USR2
    trap 'reloading=y; end_sleep' HUP
    trap 'event=y; end_sleep' USR1
    if [ "${1:-$shim}" != "$shim" ] && is_link "$1"; then
        wanted_shim=$shim shim=$1
        stop
        mv -f "$run/macvlan-ipv6.$1.given" "$given" 2>/dev/null
        shim=$wanted_shim
    fi
    lock=$run/$me.$shim.lock
    while :; do
        [ -z "$reloading" ] || reload
        [ -z "$keeper" ] || still_runs "$keeper" || leave # it was killed, and there may be another
        listen
        news=$event
        [ -z "$event" ] || event='' pause=1 hurry=20 quick=5 due=0
        if [ -n "$unanswered" ]; then
            reconcile_once # first, because a dockerd that hangs may take its time again
            refresh && reconcile_once && attend
        elif [ $((due -= 1)) -lt 0 ]; then # after an event, and now and then in case one was lost
            [ -n "$news" ] || arranged='' # and in case a MAC was changed
            refresh
            reconcile_once
            [ -n "$unanswered" ] || attend
        else
            reconcile_once
        fi
        # The sleep starts before the flags are read. A signal after that ends the sleep; one before that has set its flag
        nap=$pause
        [ -z "$asker" ] || nap=1
        # A starting container gets its interface within moments, and the router's answer soon after
        [ -z "$late" ] || [ $((hurry -= 1)) -lt 0 ] || nap=$moment
        sleep "$nap" &
        sleeper=$!
        [ -z "$event$reloading" ] || end_sleep
        # If a signal ended the sleep, waiting for another child clears it away: bash 5.2 may hang if it waits for the
        # same child twice. Its report of the killed child is dropped
        {
            wait "$sleeper" && spins=50 || spins=0
            while [ $((spins += 1)) -le 50 ] && kill -0 "$sleeper"; do (:); done
        } >/dev/null 2>&1
        sleeper=''
        # Addresses from advertisements appear seconds after a container, without an event: compare soon, then less often
        [ "$nap" != "$pause" ] || pause=$((pause * 2))
        [ "$pause" -lt "$check_interval" ] || pause=$check_interval
    done
}
