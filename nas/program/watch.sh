# The loop: listens to docker, reconciles, sleeps.
# listen: docker's events become USR1. The client writes into a pipe that a subshell reads, so that the loop knows
# both by number and leaves neither behind. container start too: at network connect its process may not be there yet.
listen() {
    command -v docker >/dev/null || return 0
    if [ -z "$reader" ]; then
        rm -f "$lock.pipe"
        # One end each: the client must see the end of its reader. Only with both do two openings not wait for each other
        # shellcheck disable=SC2094
        mkfifo -m 600 "$lock.pipe" && exec 4<>"$lock.pipe" 3>"$lock.pipe" 4<"$lock.pipe" && rm -f "$lock.pipe" || return 1
        while read -r event_type event_name; do
            # A loop that was killed leaves this behind until the next event, and the client until the one after
            read -r stat </proc/self/stat && stat=${stat##*) ? } && [ "${stat%% *}" = $$ ] || exit
            case $event_type/$event_name in container/* | "network/$network") kill -USR1 $$ ;; esac
        done <&4 3>&- 4<&- 2>/dev/null &
        reader=$!
        exec 4<&-
    fi
    if [ -z "$client" ] || ! kill -0 "$client" 2>/dev/null; then
        # --since: what happens until it hears; what happened before, docker is asked for
        docker events --since "$(date +%s)" --filter type=network --filter type=container --filter event=connect \
            --filter event=disconnect --filter event=start --format '{{.Type}} {{.Actor.Attributes.name}}' \
            >&3 2>/dev/null 3>&- &
        client=$! due=0
    fi
}

leave() {
    trap '' HUP USR1
    exec 2>/dev/null # bash tells of each child that is killed
    end_gateway_check
    for child in $client $reader $sleeper; do kill -9 "$child" 2>/dev/null; done
    wait
    [ "$(readlink "$lock")" != $$ ] || unlock
    leave_netns
    exit 0
}

# reload: the program file may be another by now, so it is started in place of this one; a bad conf changes nothing
reload() {
    reloading=''
    said=$("$0" check "$conf" 2>&1) || { say "not reloaded: $said"; return; }
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
    set_macs # first of all: the router's answer to a new container is about a second away
    clear_placeholder_routes
    if ! as_wanted; then
        start
        case $done in 'wrong its MAC'*) forget_old_mac ;; esac
        [ -n "$why" ] || say "corrected: $(say "$done" | sed '/^$/d; 5s/.*/and more/; 6,$d' | tr '\n' ';')"
        [ "$why" = "$last_why" ] || say "${why:-$shim is as wanted again}"
        last_why=$why
    fi
}

end_sleep() { [ -z "$sleeper" ] || kill -9 "$sleeper" 2>/dev/null; }

watch() { # [SHIM]: the one before a reload
    event=y unanswered='' reloading='' sleeper='' client='' reader='' asker='' pause=1
    gateway=unknown asked=0 quick=0 arranged='' last_why='' hurry=0 moment=1 due=0
    restarted=''
    ! sleep 0.01 2>/dev/null || moment=0.2
    trap leave TERM INT USR2
    trap 'reloading=y; end_sleep' HUP
    trap 'event=y; end_sleep' USR1
    if [ "${1:-$shim}" != "$shim" ] && is_link "$1"; then
        wanted_shim=$shim shim=$1
        stop
        shim=$wanted_shim
    fi
    lock=$run/$me.$shim.lock
    while :; do
        [ -z "$reloading" ] || reload
        [ -z "${MACVLAN_KEEPER:-}" ] || kill -0 "$MACVLAN_KEEPER" 2>/dev/null || leave # killed, and there may be another
        listen
        news=$event
        [ -z "$event" ] || event='' pause=1 hurry=20 quick=5 due=0
        if [ -n "$unanswered" ]; then
            reconcile_once # first, for a dockerd that hangs may take its time again
            refresh && reconcile_once && restart_outrun
        elif [ $((due -= 1)) -lt 0 ]; then # an event, or now and then, should one be lost
            [ -n "$news" ] || arranged='' # and should somebody have changed a MAC
            refresh
            reconcile_once
            [ -n "$unanswered" ] || restart_outrun
        else
            reconcile_once
        fi
        # Started before the flags are read: a signal that comes after that ends the sleep, one before it is seen
        nap=$pause
        [ -z "$asker" ] || nap=1
        # A starting container gets its interface within moments, and the router's answer soon after
        [ -z "$late" ] || [ $((hurry -= 1)) -lt 0 ] || nap=$moment
        sleep "$nap" &
        sleeper=$!
        [ -z "$event$reloading" ] || end_sleep
        # What a signal killed is cleared away by waiting for another child: bash 5.2 may wait for ever when it is asked to
        # wait for the same one once more, and tells of what is killed
        {
            wait "$sleeper" && spins=50 || spins=0
            while [ $((spins += 1)) -le 50 ] && kill -0 "$sleeper"; do (:); done
        } >/dev/null 2>&1
        sleeper=''
        # Addresses by RA come seconds after a container, without any event: look soon, then less often
        [ "$nap" != "$pause" ] || pause=$((pause * 2))
        [ "$pause" -lt "$check_interval" ] || pause=$check_interval
    done
}
