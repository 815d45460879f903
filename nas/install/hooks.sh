# What starts the loop: systemd, DSM's rc.d, a boot task.
last_words() {
    [ "$hook" = systemd ] || return 0
    words=$(limited 10 journalctl -u "$unit_name" -n 30 -o cat --no-pager 2>/dev/null |
        grep "^${program##*/}: \|^ip: " | tail -n 1)
    say "${words:+ ($words)}"
}

# A running loop takes a new conf or program in place (HUP). A new unit takes effect only when systemd starts the loop
# again: at USR2 the loop ends and leaves the link. The link stays in both cases. A unit made by hand has no loop.
bring_unit_up() {
    ended=''
    # systemd may not know of an earlier change, if that apply was cut off
    renewed=y
    is_changed "$hook_file" || case $(systemctl_limited show -p NeedDaemonReload "$unit_name") in *=yes) ;; *) renewed='' ;; esac
    if [ -n "$renewed" ]; then systemctl_limited daemon-reload && systemctl_limited reenable "$unit_name" || return 1; fi
    # After an adoption that was cut off, it may be enabled for another unit than docker's
    case $(systemctl_limited show -p WantedBy "$unit_name") in *"$wanted_by"*) ;; *) systemctl_limited reenable "$unit_name" || return 1 ;; esac
    systemctl_limited -q is-enabled "$unit_name" || systemctl_limited enable "$unit_name" || return 1
    if ! systemctl_limited -q is-active "$unit_name"; then
        systemctl_limited reset-failed "$unit_name"
        systemctl_limited start "$unit_name"
    elif process=$(main_process) && [ "$process" = MainPID=0 ]; then
        systemctl_limited restart "$unit_name"
    elif [ -n "$renewed" ]; then
        ended=$process
        systemctl_limited kill --kill-who=main -s USR2 "$unit_name"
    elif [ "$changed" != ' ' ] || ! "$program" status --brief "$conf"; then
        systemctl_limited reload "$unit_name"
    fi
}

main_process() { systemctl_limited show -p MainPID "$unit_name"; }

# Without systemd the program supervises its loop itself
bring_up() {
    case $hook in
    systemd) bring_unit_up ;;
    task) task_up && bring_loop_up ;;
    *) bring_loop_up ;;
    esac
}

bring_loop_up() {
    { runs && [ "$changed" = ' ' ] && "$program" status --brief "$conf"; } || "$program" "$(start_word)" "$conf"
}

# What the program that is installed now calls it: undo may have put back one of before the first release
start_word() { if grep -q start-loop "$program"; then say start-loop; else say up; fi; }

# A loop that was told to end may do so only after its current command. Until then the unit is active with the old process
runs() {
    if [ "$hook" = systemd ]; then
        [ "$(main_process)" != "$ended" ] && systemctl_limited -q is-active "$unit_name"
    else
        stored_process "${MACVLAN_RUN:-/run}/${program##*/}.$shim.pid" && is_supervisor "$stored" "${program##*/}"
    fi 2>/dev/null
}

# DSM's task scheduler by its own tool; without it a person makes the task. Names and paths here need no escaping.
scheduler() { # METHOD [FIELD=JSON...]
    method=$1
    shift
    limited 20 synowebapi -s --exec api=SYNO.Core.EventScheduler version=1 method="$method" task_name="\"$task\"" "$@" |
        tr -d ' \t\n'
}

task_up() {
    by_hand=y
    command -v synowebapi >/dev/null || return 0
    script="$program $(start_word) $conf" there=$(scheduler get) method=create
    case $there in *'"success":true'*) method='set' ;; esac
    case $method,$there in set,*"$(say "$script" | tr -d ' ')"*) by_hand='' && return ;; esac
    case $(scheduler "$method" owner='{"0":"root"}' event='"bootup"' enable=true depend_on_task='""' notify_enable=false \
        notify_mail='""' notify_if_error=false operation_type='"script"' operation="\"$script\"") in
    *'"success":true'*) by_hand='' ;;
    esac
}

started_by() {
    case $hook in
    systemd) say "unit active, enabled" ;;
    rc.d) say "loop running, started at boot by $hook_file" ;;
    task) say "loop running, started at boot by the task $task${by_hand:+, which you create yourself: \`pulumi stack output\` says how}" ;;
    esac
}

# Waits up to 30 s, because the loop may be busy with another correction
comes_up() {
    tries=0
    bring_up >/dev/null 2>&1 || { why="${unit_name:-the loop} did not start$(last_words)" && return 1; }
    until why=$("$program" status --brief "$conf" 2>&1) && summary=$why && why="${unit_name:-the loop} is not running" && runs; do
        [ $((tries += 1)) -le 30 ] || { why="$why$(last_words)" && return 1; }
        sleep 1
    done
}

take_down() {
    case $hook in
    systemd)
        systemctl_limited stop "$unit_name"
        systemctl_limited disable "$unit_name"
        ;;
    task) ! command -v synowebapi || scheduler delete ;;
    esac >/dev/null 2>&1
    said=$(sh "$new_program" stop-loop "$new_conf" 2>&1) || { why="the link could not be removed: $said" && return 1; }
}

# restore_manual_hook ENABLED ACTIVE: brings the unit or script made by hand back to that state
restore_manual_hook() {
    case $hook in
    rc.d) [ -z "$2" ] || limited 40 "$hook_file" start >/dev/null 2>&1 </dev/null || return ;;
    esac
    [ "$hook" = systemd ] || return 0
    systemctl_limited daemon-reload 2>/dev/null
    systemctl_limited reset-failed "$unit_name" 2>/dev/null
    [ -z "$1" ] || systemctl_limited enable "$unit_name" 2>/dev/null
    [ -z "$2" ] || systemctl_limited start "$unit_name" 2>/dev/null
}
