# Without systemd: the loop in the background, and the process that starts it again.
start_loop() {
    umask 022 # a preview by a user who is not root reads the process number
    kept=$run/$me.$shim.pid
    read -r pid 2>/dev/null <"$kept" && is_ours "$pid" && kill -HUP "$pid" && return
    away=''
    ! command -v setsid >/dev/null || away=setsid # a session of its own: it outlives the one that asked
    if command -v logger >/dev/null; then
        $away "$0" supervise "$conf" 2>&1 </dev/null | $away logger -t "$me" >/dev/null 2>&1 &
    else
        $away "$0" supervise "$conf" </dev/null >"$run/$me.$shim.log" 2>&1 &
    fi
}

stop_loop() {
    kept=$run/$me.$shim.pid
    if read -r pid 2>/dev/null <"$kept" && is_ours "$pid"; then
        kill -USR2 "$pid" # as install.sh without setsid starts it, it ignores TERM
        waited=0
        while is_ours "$pid" && [ $((waited += 1)) -le 10 ]; do sleep 1; done
        ! is_ours "$pid" || kill -9 "$pid"
    fi
    rm -f "$kept"
    stop
}

run_child() {
    "$0" "$1" "$conf" &
    child=$!
    while kill -0 "$child" 2>/dev/null; do wait "$child"; done # a signal ends `wait`, not what it waits for
    child=''
}

supervise() {
    child='' MACVLAN_KEEPER=$$ kept=$run/$me.$shim.pid
    export MACVLAN_KEEPER
    trap '[ -z "$child" ] || kill -USR2 "$child"; wait; rm -f "$kept"; exit 0' TERM INT USR2
    trap '' HUP PIPE # the end of logger is not the end of this
    lock || die "$why"
    if read -r pid 2>/dev/null <"$kept" && is_ours "$pid"; then # of two `up`s at once the first one keeps
        unlock
        kill -HUP "$pid"
        return
    fi
    say $$ >"$kept"
    unlock
    while :; do
        run_child boot
        trap '[ -z "$child" ] || kill -HUP "$child"' HUP
        run_child watch
        trap '' HUP
        say "the loop ended by itself: $shim stays for the next one"
        sleep 3
    done
}
