# apply and remove.
apply() {
    check_machine
    said=$(sh "$new_program" check "$new_conf" 2>&1) || refuse "${said##*"$dir/"}"
    remove_stray
    look_before
    { keep && write_files; } 2>"$dir/said" || undo "$why: $(error)"
    { comes_up && still_logged_in && still_reached && still_routed; } || undo "$why"
    remove_replaced
    say "$summary; $(started_by)$unverified${ways:+; but $ways}"
}

undo() { # WHY
    [ "$was" = ours ] || ! is_changed "${hook_file:-$program}" || take_down || die "$1; and then: $why$gone"
    put_back 2>"$dir/said" || die "$1; and the previous files could not be put back: $(error)$gone"
    state="the previous state was put back"
    if [ "$was" = ours ]; then
        comes_up || state="the previous files were put back, but: $why"
        # A version from before 2026-11-28 has its routes in table main, and knows of no table
        grep -q routing_table "$program" || sh "$new_program" release "$new_conf" >/dev/null 2>&1
        # One that gives no IPv6 takes none back either. The MACs are its own matter
        grep -q '^withdraw()' "$program" || sh "$new_program" withdraw "$new_conf" ipv6 >/dev/null 2>&1
    else
        sh "$new_program" withdraw "$new_conf" >/dev/null 2>&1
        [ -n "$found" ] || state="everything was taken away again"
        restore_manual_hook "$was_enabled" "$was_active" || state="the previous files were put back, but their unit does not start"
        [ -z "$was_link" ] || $ip link show dev "$shim" >/dev/null 2>&1 ||
            state="$state; only the link $shim is gone, which no unit had made"
    fi
    die "$1; $state$gone"
}

remove() {
    # A unit made by hand in the place of ours has the link now
    { [ -n "$hook_file" ] && by_hand "$hook_file"; } || take_down || die "$why; the loop is stopped, the files are still there"
    told='' enabled='' active='' given=''
    sh "$new_program" withdraw "$new_conf" >/dev/null 2>&1 ||
        given='; containers that run keep some of what the loop gave them'
    for dest in $paths; do
        if by_hand "$dest" || is_shared "$dest"; then continue; fi
        if [ ! -e "$dest$kept" ]; then
            take_away "$dest"
        elif [ "$on_destroy" = restore ]; then
            mv -f "$dest$kept" "$dest" && told="; what was there before is back"
        else
            rm -f "$dest" && told="; what was there before is kept beside, as FILE$kept"
        fi 2>"$dir/said" || die "cannot remove $dest: $(error); link and unit are gone"
    done
    if [ "$on_destroy" = restore ] && [ ! -e "$hook_file$kept" ]; then
        [ ! -e "$hook_file$kept.enabled" ] || enabled=y
        [ ! -e "$hook_file$kept.active" ] || active=y
    fi
    restore_manual_hook "$enabled" "$active" || told="$told, but its unit does not start"
    [ -e "$hook_file$kept" ] || rm -f "$hook_file$kept.enabled" "$hook_file$kept.active"
    say "removed: link, unit and files$told$given"
}

main() {
    find_ip
    find_limit KILL # unpack.sh makes TERM ignored
    find_ping6
    dir=$2
    read_settings
    read_manifest
    shim=$(sed -n 's/^shim \([^ ]*\).*/\1/p' "$new_conf")
    lock
    "$1"
}

[ $# -eq 2 ] && [ -f "$2/settings" ] && [ -f "$2/manifest" ] || die "usage: install.sh apply|remove DIR"
case $1 in apply | remove) ;; *) die "usage: install.sh apply|remove DIR" ;; esac
main "$@"
