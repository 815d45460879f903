# Applies what compare found, one process at a time; and what systemd runs when the loop ends.
lock() { take_lock "$run/$me.$shim.lock" 20; }

# batch COMMANDS: runs all of them, even after one fails. $why is then ip's first message
batch() {
    why=''
    said=$(printf %s "$1" | $ip -force -batch - 2>&1) && return
    why="ip: ${said%%"$NL"*}"
    number=${said#*Command failed -:} && number=${number%%[!0-9]*}
    [ -z "$number" ] || why="$why (at: $(printf %s "$1" | sed -n "${number}p"))"
    return 1
}

make_link() {
    check_parent || return 1
    case $link_state in wrong*) batch "link del dev $shim$NL" || return 1 ;; esac
    add="link add link $parent name $shim address $shim_mac type macvlan mode bridge$NL"
    batch "$add" && return
    case $why in
    *"not supported"* | *"nknown device type"*)
        modprobe macvlan 2>/dev/null || insmod /lib/modules/macvlan.ko 2>/dev/null
        batch "$add" && return
        why="$why; the kernel has no macvlan, and neither modprobe nor /lib/modules/macvlan.ko helped"
        ;;
    esac
    return 1
}

# change_rules LINES: each line FAMILY add|del PREFERENCE TABLE
change_rules() {
    while read -r family verb pref number; do
        [ -n "$family" ] || continue
        said=$($ip "-$family" rule "$verb" pref "$pref" lookup "$number" 2>&1) && continue
        why="ip -$family rule $verb: ${said%%"$NL"*}"
        return 1
    done <<END
$1
END
}

# converge: changes what compare found into what is wanted. A route is removed from a table of before only when the one that
# takes its place is there. If that fails, a link that it made is removed again.
converge() {
    made=''
    case $link_state in
    right) ;;
    foreign) why="$shim exists and is no macvlan: not touched; choose another shim name" && return 1 ;;
    *)
        made=y
        make_link || return 1
        # Kernels 3.17 to 4.9 have addr_gen_mode only as a property of the link
        [ -e "/proc/sys/net/ipv6/conf/$shim/addr_gen_mode" ] || $ip link set dev "$shim" addrgenmode none 2>/dev/null
        ;;
    esac
    if sysctls set; then
        failed=''
        [ -z "$todo" ] || batch "$todo" || failed=$why
        change_rules "$rules_todo" || failed=${failed:-$why}
        [ -n "$failed" ] || [ -z "$moved" ] || batch "$moved" || failed=$why
        [ -n "$failed" ] || remove_rules "$old_rules"
        why=$failed
        # Only the others go by that file, so a failure to write it is none
        [ -n "$why" ] || { { true >"$run/macvlan-ipv6.table.$routing_table"; } 2>/dev/null; return 0; }
    fi
    # compare sets no $why
    [ -z "$made" ] || { $ip link del dev "$shim" 2>/dev/null && compare && remove_rules "$own_rules"; }
    return 1
}

# remove_rules LINES: each line FAMILY PREFERENCE TABLE
remove_rules() {
    while read -r family pref number; do
        [ -z "$family" ] || $ip "-$family" rule del pref "$pref" lookup "$number" 2>/dev/null
    done <<END
$1
END
    return 0
}

start() {
    why='' done=''
    lock || return 1
    compare
    as_wanted || { converge && done="${link_state#right}$NL$sysctls_wrong$NL$(changes)"; }
    unlock
    [ -z "$why" ]
}

# The changes that compare found, as commands for people
changes() {
    printf %s "$todo"
    printf %s "$rules_todo" | sed 's/^\(.\) \(...\) \(.*\) \(.*\)/-\1 rule \2 pref \3 lookup \4/'
    printf %s "$moved"
    printf %s "$old_rules" | sed 's/^\(.\) \(.*\) \(.*\)/-\1 rule del pref \2 lookup \3/'
}

stop() {
    lock || die "$why"
    compare
    case $link_state in
    missing | foreign) ;; # a link of that name that is no macvlan was never ours
    *) batch "link del dev $shim$NL" || { unlock && die "$why"; } ;;
    esac
    remove_rules "$own_rules"
    rm -f "$run/macvlan-ipv6.table.$routing_table"
    unlock
}

release() {
    lock || die "$why"
    compare
    remove_rules "$own_rules"
    for family in 4 6; do
        $ip -$family route flush table "$routing_table" dev "$shim" 2>/dev/null
    done
    unlock
}

# poststop UNIT: if the loop crashed, the link stays, so that no packet is lost until systemd starts the loop again. If the
# unit was stopped, or docker's unit ended, the link is removed. With systemd 219 only the kind of the queued job tells
# these apart. The wait is here and not in RestartSec=, because a stop during RestartSec= runs nothing.
poststop() {
    for wait in 3 0; do
        jobs=$(systemctl --no-legend --no-pager list-jobs "$1") || jobs=' stop '
        case " $jobs " in *" stop "* | *" restart "*) stop && return ;; esac
        [ $wait = 0 ] || say "the loop ended by itself: $shim stays for the next one"
        sleep $wait
    done
}
