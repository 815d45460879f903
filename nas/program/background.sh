# For a NAS without systemd: runs the loop in the background, and the supervisor that starts it again.
start_loop() {
    umask 022 # in a preview a user who is not root reads the process number
    kept=$run/$me.$shim.pid
    if stored_process "$kept" && is_supervisor "$stored" "$me"; then
        ignores_hup "${stored%%.*}" || ! kill -HUP "${stored%%.*}" || return 0
        end_supervisor "$stored"
    fi
    away=''
    ! command -v setsid >/dev/null || away=setsid # a session of its own, so that it outlives the caller's
    if command -v logger >/dev/null; then
        $away "$0" supervise "$conf" 2>&1 </dev/null | $away logger -t "$me" >/dev/null 2>&1 &
    else
        $away "$0" supervise "$conf" </dev/null >"$run/$me.$shim.log" 2>&1 &
    fi
}

# A supervisor that was started with HUP ignored, as install.sh does without setsid, can never trap it: it would not
# read a new conf.
ignores_hup() {
    while read -r word mask; do
        [ "$word" != SigIgn: ] || case $mask in *[13579bdf]) return 0 ;; *) return 1 ;; esac
    done 2>/dev/null <"/proc/$1/status"
    return 1
}

# Its loop ends with it, and the link stays.
end_supervisor() {
    kill -USR2 "${1%%.*}" # the one signal that install.sh ignores nowhere
    waited=0
    while is_supervisor "$1" "$me" && [ $((waited += 1)) -le 10 ]; do sleep 1; done
    ! is_supervisor "$1" "$me" || kill -9 "${1%%.*}"
}

stop_loop() {
    kept=$run/$me.$shim.pid
    if stored_process "$kept" && is_supervisor "$stored" "$me"; then end_supervisor "$stored"; fi
    rm -f "$kept"
    stop
}

run_child() {
    "$0" "$1" "$conf" &
    child=$!
    while kill -0 "$child" 2>/dev/null; do wait "$child"; done # a signal ends `wait`, but not the child
    child=''
}

supervise() {
    identify || die "cannot read /proc/$$/stat"
    # Apart, because a loop of a version from before 2026-11-28 looks for the number alone
    child='' MACVLAN_KEEPER=$$ MACVLAN_KEEPER_STARTED=${self#*.} kept=$run/$me.$shim.pid
    export MACVLAN_KEEPER MACVLAN_KEEPER_STARTED
    trap '[ -z "$child" ] || kill -USR2 "$child"; wait; rm -f "$kept"; exit 0' TERM INT USR2
    trap : HUP  # not '', which ignores_hup would take for a supervisor that can never trap it
    trap '' PIPE # it goes on if logger ends
    lock || die "$why"
    if stored_process "$kept" && is_supervisor "$stored" "$me"; then # of two at once the first one supervises
        unlock
        kill -HUP "${stored%%.*}"
        return
    fi
    say $$ "${self#*.}" >"$kept"
    unlock
    while :; do
        run_child boot
        trap '[ -z "$child" ] || kill -HUP "$child"' HUP
        run_child watch
        trap : HUP
        say "the loop ended by itself: $shim stays for the next one"
        sleep 3
    done
}
