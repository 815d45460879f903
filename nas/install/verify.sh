# What must not be lost by a change: the containers' answers, and the person's own connection.
answers() {
    ping_for "$1"
    # shellcheck disable=SC2086 # may be two words
    $ping -c 1 -w 2 -W 2 -q "$1" >/dev/null 2>&1
}

# way ADDRESS: sets $way to where packets to it go
way() {
    case " $($ip route get "$1" 2>/dev/null) " in
    *" local "*) way="to itself" ;;
    *" dev $shim "*) way="through the shim $shim" ;;
    '  ') way=nowhere ;;
    *) way=outside ;;
    esac
}

look_before() {
    changed=' ' backups='' was=none was_enabled='' was_active=''
    $ip link show dev "$shim" >/dev/null 2>&1 && was_link=y || was_link=''
    if [ -z "$hook_file" ]; then
        [ ! -e "$program" ] || by_hand "$program" || was=ours
    elif ! by_hand "$hook_file"; then
        [ ! -e "$hook_file" ] || was=ours
    elif [ "$hook" = systemd ]; then
        was='by hand'
        ! systemctl_limited -q is-enabled "$unit_name" 2>/dev/null || was_enabled=y
        ! systemctl_limited -q is-active "$unit_name" || was_active=y
    else
        was='by hand' was_active=$was_link
    fi
    unverified=''
    if ! said=$(limited 20 sh "$new_program" reachability "$new_conf" 2>&1 >"$dir/before"); then
        case $said in *"${new_program##*/}: "*) said=${said##*"${new_program##*/}: "} ;; *) said="that took longer than 20 s" ;; esac
        unverified="; not verified that containers still answer: $said"
    fi
    # Without an answer nothing is known to have been right before
    limited 10 sh "$new_program" routing "$new_conf" >"$dir/ways" 2>/dev/null || say unknown >"$dir/ways"
    client=${SSH_CLIENT:-} client_answers=''
    client=${client%% *}
    case $client in *[!0-9a-fA-F.:]*) client='' ;; esac # fe80::1%eth0 is on the link itself
    [ -n "$client" ] || return 0
    way "$client" && way_before=$way
    ! answers "$client" || client_answers=y
}

# still_routed: whether packets take no other way than before. What was so before the change is only told. It sets $ways
still_routed() {
    ways=''
    limited 10 sh "$new_program" routing "$new_conf" >"$dir/ways.now" 2>/dev/null ||
        { unverified="$unverified; not verified which way packets take" && return 0; }
    ways=$(sed 1q "$dir/ways.now")
    [ -n "$ways" ] && [ "$was" = ours ] && [ ! -s "$dir/ways" ] || return 0
    why=$ways
    return 1
}

# Waits up to 10 s. A container that docker no longer has on the network is not counted as lost.
still_reached() {
    grep -q ' yes$' "$dir/before" || return 0
    end=$(($(now) + 10)) why="docker does not tell any more which containers run"
    while :; do
        if limited 20 sh "$new_program" reachability "$new_conf" >"$dir/after" 2>/dev/null; then
            lost=$(awk 'NR == FNR { if ($3 == "yes") before[$1 " " $2]; next }
                $3 == "no" && ($1 " " $2) in before { print $1 " (" $2 ")"; exit }' "$dir/before" "$dir/after")
            [ -n "$lost" ] || return 0
            why="$lost answered before the change and does not any more"
        fi
        [ "$(now)" -lt $end ] || return 1
        sleep 1
    done
}

still_logged_in() {
    [ -n "$client" ] || return 0
    way "$client"
    case $way in
    outside | "$way_before") ;;
    *) why="the NAS would send packets for your computer ($client) $way" && return 1 ;;
    esac
    end=$(($(now) + 5)) why="your computer ($client) answered before the change and does not any more"
    until [ -z "$client_answers" ] || answers "$client"; do [ "$(now)" -lt $end ] || return 1; done
}
