#!/bin/sh
# Part of macvlan-ipv6, written by pulumi up.
# Lets this host and its own macvlan containers talk to each other. The kernel keeps a macvlan's parent and its
# children apart, so a macvlan link of the host's own (the "shim") stands beside the containers, with one host
# route per container. Everything is compared with what the kernel has, and only what differs is changed.
usage='usage: setup_docker_macvlan.sh COMMAND [CONF]     (CONF: /etc/setup_docker_macvlan.conf)
  start     makes or corrects link, addresses, sysctls and routes; a failed start leaves nothing behind
  stop      removes the link, and the routes with it
  status    compares; 0 = as wanted, 1 = drifted, 3 = not up. --json for machines, --brief without containers
  watch     stays, and corrects at docker events and every tick; HUP: read conf and program again, now
  boot      start, once the parent link is there: waits for it up to a minute
  up        boot and watch in the background, for a NAS without systemd; one that is up already reads its files again
  down      ends that, and stop
  check     reads CONF and looks for its parent; changes nothing
  reached   ADDRESS NAME yes|no for each address of the first ten containers: whether it answers a ping from here
  keep      what up leaves in the background: boot and watch, and again when the loop ends by itself
  poststop  CONF UNIT, for ExecStopPost=: stop, unless UNIT ended by itself and will be started again'
# POSIX sh for dash, busybox ash and bash; iproute2 of 2016, kernels from 3.10. Data is parsed, never evaluated.
set -uf
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin:/usr/local/bin
export LC_ALL PATH
me=${0##*/}
run=${MACVLAN_RUN:-/run}
NL='
'

# Some busybox shells take their own ip for any ip
for ip in /sbin/ip /usr/sbin/ip /bin/ip /usr/bin/ip; do [ ! -x $ip ] || break; done

say() { printf '%s\n' "$@"; }
die() { say "$me: $*" >&2; exit 1; }

# ---- the conf: `key value` lines ---------------------------------------------------------------------------
is_name() { case $1 in '' | *[!A-Za-z0-9_.-]* | [!A-Za-z0-9]*) return 1 ;; esac; }
is_link() { is_name "$1" && [ ${#1} -le 15 ] && case $1 in all | default | lo) return 1 ;; esac; }
is_tick() { case $1 in '' | *[!0-9]* | 0* | ?????*) return 1 ;; esac; }
is_folder() { case $1 in *[!A-Za-z0-9_./@-]* | *//* | */../* | */.. | */) return 1 ;; /?*) ;; *) return 1 ;; esac; }
is_mac() { case $1 in *[!0-9a-f:]*) return 1 ;; ??:??:??:??:??:??) ;; *) return 1 ;; esac; }
is_v6() { case $1 in *[!0-9a-f:]* | *:::* | *::*::*) return 1 ;; *:*:*) ;; *) return 1 ;; esac; }
is_v4() {
    case .$1. in
    *[!0-9.]* | *..* | *.0[0-9]* | *[0-9][0-9][0-9][0-9]* | *.*.*.*.*.*.*) return 1 ;;
    *.*.*.*.*.*) octets=$1. ;;
    *) return 1 ;;
    esac
    while [ -n "$octets" ]; do
        [ "${octets%%.*}" -lt 256 ] || return 1
        octets=${octets#*.}
    done
}

none_or() { [ "$2" = - ] || "$1" "$2"; }

load_conf() {
    [ -r "$conf" ] || die "cannot read $conf: make it (pulumi up does), or name another one"
    line=0 version='' network='' parent='' shim='' shim_mac='' shim_ipv4='' shim_ipv6=''
    dead_gateway='' keep_gateway='' tick=30 planned=''
    while read -r key a b c more || [ -n "$key" ]; do
        line=$((line + 1)) v="$a${b:+ $b}" # two words where one belongs pass no test
        case $key in
        '' | '#'*) ;;
        container)
            # Before there were MACs in it, the line ended with the ULA
            is_name "$a" && none_or is_v4 "$b" && none_or is_v6 "$c" && none_or is_mac "${more:--}" &&
                planned="${planned}planned $a $b $c ${more:--}$NL"
            ;;
        version) [ "$v" = 1 ] && version=1 ;;
        network) is_name "$v" && network=$a ;;
        parent) is_link "$v" && parent=$a ;;
        shim) is_link "$v" && shim=$a ;;
        shim_mac) is_mac "$v" && shim_mac=$a ;;
        shim_ipv4) is_v4 "$v" && shim_ipv4=$a ;;
        shim_ipv6) is_v6 "$v" && shim_ipv6=$a ;;
        dead_gateway) is_v6 "$v" && dead_gateway=$a ;;
        keep_gateway) is_v6 "$v" && keep_gateway=$a ;;
        tick) is_tick "$v" && tick=$a ;;
        docker_folder) is_folder "$v" && PATH=$PATH:$a ;;
        *) die "$conf line $line: unknown key '$key'" ;;
        esac || die "$conf line $line: '$a${b:+ $b}${c:+ $c}${more:+ $more}' will not do for $key"
    done <"$conf"
    for key in "version $version" "network $network" "parent $parent" "shim $shim" "shim_mac $shim_mac" \
        "shim_ipv4 $shim_ipv4" "shim_ipv6 $shim_ipv6"; do
        [ -n "${key#* }" ] || die "$conf: the line '${key}...' is missing"
    done
    [ "$shim" != "$parent" ] || die "$conf: shim and parent are both $shim; the shim is a link of its own"
    [ "$dead_gateway" != "$keep_gateway" ] || dead_gateway='' # a real router is never taken for nobody
}

check_parent() {
    # Not /sys: in a container that may show another namespace's links
    [ -e "/proc/sys/net/ipv4/conf/$parent" ] && return
    why="the parent link $parent does not exist; links here:"
    set +f
    for link in /proc/sys/net/ipv4/conf/*; do is_link "${link##*/}" && why="$why ${link##*/}"; done
    set -f
    return 1
}

# Of what is bound to docker or to a runlevel, nothing knows when the parent comes. Longer than systemd gives to a start
# (90 s) it must not take; what comes later yet is found by the next try.
await_parent() {
    check_parent && return
    waited=0
    say "waiting up to 60 s for the parent link $parent"
    until check_parent; do
        [ $((waited += 1)) -le 60 ] || { why="$why; it did not come within 60 s" && return 1; }
        sleep 1
    done
    say "the parent link $parent came after $waited s; where docker was sooner, it lacks its network: restart docker"
}

# ---- comparing: what is there, and what differs ------------------------------------------------------------
# Reads `conf`, `planned`, `attached` lines, then what ip says after `== link` and `== routes`; answers with
# `link STATE`, route counts, `do COMMAND` for ip -batch, and on containers `seen PID DEV NUMBER MAC SUFFIX NAME`,
# `stray PID` where one has an address that follows from another MAC, `dead PID DEV NAME`, `gone`, and `late` for one whose
# interface is not there yet. MAC: the planned one, or `-`; SUFFIX: the 16 hex digits of an address that follow from it.
# shellcheck disable=SC2016 # awk's own $
COMPARE='
function text(hex,   i, g, s, z) { # 32 hex digits of /proc as an address is written (RFC 5952)
    s = ":"
    for (i = 0; i < 8; i++) { g = substr(hex, 4 * i + 1, 4); sub(/^0+/, "", g); s = s (g == "" ? "0" : g) ":" }
    for (z = ":0:0:0:0:0:0:0:0:"; length(z) > 3; z = substr(z, 3))
        if (i = index(s, z)) { s = substr(s, 1, i - 1) "::" substr(s, i + length(z)); break }
    if (s !~ /^::/) sub(/^:/, "", s)
    if (s !~ /::$/) sub(/:$/, "", s)
    return s
}
function want(a, tag) { if (a != "-" && !(a in wanted)) { wanted[a] = tag; order[++total] = a } }
function has(pid, v4,   file, l, p, at, found) {
    file = "/proc/" pid "/net/fib_trie"
    while ((getline l < file) > 0) {
        split(l, p, " ")
        if (p[1] == "|--") at = p[2]
        else if (at == v4 && p[1] == "/32" && p[3] == "LOCAL") found = 1
    }
    close(file)
    return found
}
function suffix(mac,   o, d) { # RFC 4291 appendix A
    split(mac, o, ":")
    d = index("0123456789abcdef", substr(o[1], 2)) - 1
    d = int(d / 2) % 2 ? d - 2 : d + 2
    return substr(o[1], 1, 1) substr("0123456789abcdef", d + 1, 1) o[2] o[3] "fffe" o[4] o[5] o[6]
}
function only_link(pid,   file, l, p, found, n) {
    file = "/proc/" pid "/net/dev"
    while (n < 3 && (getline l < file) > 0) {
        if (split(l, p, ":") > 1) gsub(/ /, "", p[1])
        else continue
        # Some kernels put idle tunnels into each namespace, and one with a VPN makes its own
        if (p[1] !~ /^(lo|sit0|tunl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6tnl0|ip6gre0|(tun|wg)[0-9]+)$/) {
            found = p[1]; n++
        }
    }
    close(file)
    return n == 1 ? found : ""
}
function see(pid, dev, nr, v4, name) {
    print "seen", pid, dev, nr, ((v4 in macs) ? macs[v4] " " suffix(macs[v4]) : "- -"), name
}
function container(pid, name, v4, ula,   file, l, p, n, all, dev, nr, any, there, i) {
    file = "/proc/" pid "/net/if_inet6"
    while ((i = (getline l < file)) > 0) {
        split(l, p, " "); any = 1
        if (p[4] == "00") { all[++n] = l; if (text(p[1]) == ula) { dev = p[6]; nr = p[2] } }
    }
    close(file)
    if (i < 0) { print "gone"; return }
    if (dev == "") { # not there yet, or a number that another process has now, or IPv6 is switched off
        there = has(pid, v4)
        if (there) want(v4, learned)
        if (there && v4 in macs && (dev = only_link(pid)) != "") see(pid, dev, 0, v4, name)
        if (!there || (any && ula != "-")) print "late"
        return
    }
    want(v4, learned); want(ula, learned)
    for (i = 1; i <= n && i <= 32; i++) { split(all[i], p, " "); if (p[6] == dev) want(text(p[1]), learned) }
    see(pid, dev, nr, v4, name)
    for (i = 1; (v4 in macs) && i <= n; i++) { # from 8 on in the flags: permanent, so somebody gave it
        split(all[i], p, " ")
        if (p[6] == dev && p[5] ~ /^[0-7]/ && p[1] ~ /fffe......$/ && substr(p[1], 17) != suffix(macs[v4])) {
            print "stray", pid
            break
        }
    }
    file = "/proc/" pid "/net/ipv6_route"
    while ((getline l < file) > 0) {
        split(l, p, " ")
        if (p[2] == "00" && p[1] ~ /^0+$/ && p[10] == dev && text(p[5]) == dead) print "dead", pid, dev, name
    }
    close(file)
}
function todo(s) { print "do " s }
$1 == "==" { part = $2; next }
part == "" && $1 == "conf" { shim = $2; parent = $3; mac = $4; v4 = $5; v6 = $6; dead = $7; knows = $8; learned = $9 }
part == "" && $1 == "planned" { want($3, ""); want($4, ""); if ($5 ~ /:/) macs[$3] = $5 }
part == "" && $1 == "attached" && $2 ~ /^[1-9][0-9]*$/ && $3 ~ /^\/[A-Za-z0-9_.-]+$/ && $4 ~ /^[0-9.]+$/ && $5 ~ /^[0-9a-f:-]+$/ {
    container($2, substr($3, 2), $4, $5)
}
part == "link" && /^[0-9]+: / { there = 1; at = $2; sub(/^.*@/, "", at); sub(/:$/, "", at); up = /[<,]UP[,>]/ }
part == "link" && $1 == "link/ether" { hasmac = $2 }
part == "link" && $1 == "macvlan" { mode = $3 }
part == "link" && $1 ~ /^inet6?$/ && $2 !~ /^fe80:/ { have[$2] = /dadfailed|tentative/ ? "bad" : "good" }
part == "routes" && NF && $1 !~ /^(local|broadcast|multicast|anycast|unreachable|ff00:.*|fe80:.*)$/ && !/ table / {
    to = $1; sub(/\/(32|128)$/, "", to)
    proto = match($0, / proto [^ ]+/) ? substr($0, RSTART + 7, RLENGTH - 7) : ""
    if (to == "default" && (/ via [^ ]*:/ || !/ (via|scope) /)) to = "::/0" # ip takes default for IPv4
    if (proto != "kernel" && to != dead) routes[to] = / via / ? "via" : (proto == learned ? "learned" : "own")
}
END {
    if (!there) state = "missing"
    else if (mode == "") state = "foreign"
    else if (at != parent) state = "wrong it stands on " at
    else if (mode != "bridge") state = "wrong its mode is " mode
    else if (hasmac != mac) state = "wrong its MAC is " hasmac
    else state = "right"
    if (state != "right") { split("", have); split("", routes); up = 0 }
    if (have[v4 "/32"] != "good") todo("addr replace " v4 "/32 dev " shim)
    if (have[v6 "/128"] != "good") todo("addr replace " v6 "/128 dev " shim " nodad noprefixroute")
    for (a in have) if (have[a] != "" && a != v4 "/32" && a != v6 "/128") todo("addr del " a " dev " shim)
    if (!up) todo("link set dev " shim " up")
    for (a in routes) if (a != v6 && !(a in wanted) && !(routes[a] == "learned" && !knows)) {
        stale++; todo("route del " a " dev " shim)
    }
    for (i = 1; i <= total; i++) {
        a = order[i]
        # One of our own whose container is no longer planned becomes a learned one, so that start may forget it
        if (routes[a] == "learned" || (routes[a] == "own" && wanted[a] == "")) { present++; continue }
        todo("route replace " a (a ~ /:/ ? "/128" : "/32") " dev " shim (wanted[a] == "" ? "" : " proto " wanted[a]))
    }
    print "wanted", total + 0; print "present", present + 0; print "stale", stale + 0; print "link", state
}'

# Route protocol number of what was learned from running containers: start leaves such routes to the watch loop.
LEARNED=109
knows=0 attached='' # whether docker told which containers run; its answer as `attached PID NAME IPV4 ULA` lines

# look: sets link_state, todo, wanted, present, stale, seen, strays, dead, gone, late. Two ip processes; changes nothing.
look() {
    link_seen=$($ip -d addr show dev "$shim" 2>/dev/null) || link_seen=''
    routes_seen=$([ -z "$link_seen" ] || $ip route show table all dev "$shim" 2>/dev/null)
    todo='' dead='' seen='' strays=' ' gone='' late=''
    found=$(printf '%s\n' "conf $shim $parent $shim_mac $shim_ipv4 $shim_ipv6 ${dead_gateway:--} $knows $LEARNED" \
        "$planned" "$attached" '== link' "$link_seen" '== routes' "$routes_seen" | awk "$COMPARE") ||
        die "awk failed: this program needs a working awk"
    while read -r kind words; do
        case $kind in
        do) todo="$todo$words$NL" ;;
        dead) dead="$dead$words$NL" ;;
        seen) seen="$seen$words$NL" ;;
        stray) strays="$strays$words " ;;
        gone) gone=y ;;
        late) late=y ;;
        link) link_state=$words ;;
        wanted) wanted=$words ;;
        present) present=$words ;;
        stale) stale=$words ;;
        esac
    done <<EOF
$found
EOF
}

# sysctls check|set: names those that differ in $sysctls_wrong. Before link up, or the shim takes RAs for itself.
sysctls() {
    sysctls_wrong=''
    for item in ipv6/accept_ra=0 ipv6/autoconf=0 ipv6/addr_gen_mode=1 ipv6/disable_ipv6=0 ipv4/arp_filter=1 \
        ipv4/arp_announce=2; do
        file=${item#*/}
        file=/proc/sys/net/${item%%/*}/conf/$shim/${file%=*}
        now=''
        read -r now 2>/dev/null <"$file"
        case $now in '' | "${item#*=}") continue ;; esac # older kernels have no addr_gen_mode; or the link goes just now
        sysctls_wrong="$sysctls_wrong $item"
        [ "$1" = check ] || say "${item#*=}" 2>/dev/null >"$file" || { why="cannot set $file" && return 1; }
    done
}

as_wanted() { sysctls check && [ "$link_state$todo$sysctls_wrong" = right ]; }

# ---- changing ----------------------------------------------------------------------------------------------
# works PID: whether that process is this program, and another one than this
works() { [ "$1" != $$ ] && case $(tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline") in *"$me"*) ;; *) return 1 ;; esac; }

# One at a time, or $why not. A lock whose holder is gone (kill -9, reboot) is nobody's: the number in it must be this
# program.
lock() {
    waited=0
    lock=$run/$me.$shim.lock
    until said=$(ln -s $$ "$lock" 2>&1); do
        holder=$(readlink "$lock") || holder=''
        if [ -n "$holder" ] && ! works "$holder" && mkdir "$lock.gone" 2>/dev/null; then
            [ "$(readlink "$lock")" != "$holder" ] || rm -f "$lock" # still the dead one's, and nobody else removes it now
            rmdir "$lock.gone"
        elif [ -z "$holder" ] && [ $((waited += 7)) -gt 20 ]; then
            why="cannot lock ($said): only root can, and while $run is writable and not full" && return 1
        elif [ $((waited += 1)) -gt 20 ]; then
            why="process $holder has been at work for 20 s; if it hangs: kill it, or rm $lock" && return 1
        else
            sleep 1
        fi
    done
}
unlock() { rm -f "$lock"; }

# batch COMMANDS: all of them, even when one fails; $why is then ip's first word on it
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

# converge: from what look found to what is wanted. When it fails, a link made here goes again.
converge() {
    made=''
    case $link_state in
    right) ;;
    foreign) why="$shim exists and is no macvlan: not touched; choose another shim name" && return 1 ;;
    *)
        made=y
        make_link || return 1
        # Kernels 3.17 to 4.9 have this only as a property of the link
        [ -e "/proc/sys/net/ipv6/conf/$shim/addr_gen_mode" ] || $ip link set dev "$shim" addrgenmode none 2>/dev/null
        ;;
    esac
    if sysctls set && { [ -z "$todo" ] || batch "$todo"; }; then return; fi
    [ -z "$made" ] || $ip link del dev "$shim" 2>/dev/null
    return 1
}

start() {
    why='' done=''
    lock || return 1
    look
    as_wanted || { converge && done="${link_state#right}$NL$sysctls_wrong$NL$todo"; }
    unlock
    [ -z "$why" ]
}

stop() {
    lock || die "$why"
    look
    case $link_state in
    missing | foreign) ;; # a link of that name that is no macvlan was never ours
    *) batch "link del dev $shim$NL" || { unlock && die "$why"; } ;;
    esac
    unlock
}

# After a crash of the loop the link stays, so that nothing is lost until systemd starts the loop again; when
# somebody stops the unit, or docker's unit goes, it is removed. systemd 219 tells which only by the kind of job.
# The wait is here and not in RestartSec=, where a stop would run nothing.
poststop() {
    for wait in 3 0; do
        jobs=$(systemctl --no-legend --no-pager list-jobs "$1") || jobs=' stop '
        case " $jobs " in *" stop "* | *" restart "*) stop && return ;; esac
        [ $wait = 0 ] || say "the loop ended by itself: $shim stays for the next one"
        sleep $wait
    done
}

# ---- without systemd: the loop in the background, and somebody who starts it again -------------------------
up() {
    umask 022 # the look of somebody who is not root reads the number
    kept=$run/$me.$shim.pid
    read -r pid 2>/dev/null <"$kept" && works "$pid" && kill -HUP "$pid" && return
    away=''
    ! command -v setsid >/dev/null || away=setsid # a session of its own: it outlives the one that asked
    if command -v logger >/dev/null; then
        $away "$0" keep "$conf" 2>&1 </dev/null | $away logger -t "$me" >/dev/null 2>&1 &
    else
        $away "$0" keep "$conf" </dev/null >"$run/$me.$shim.log" 2>&1 &
    fi
}

down() {
    kept=$run/$me.$shim.pid
    if read -r pid 2>/dev/null <"$kept" && works "$pid"; then
        kill -USR2 "$pid" # as install.sh without setsid starts it, it ignores TERM
        waited=0
        while works "$pid" && [ $((waited += 1)) -le 10 ]; do sleep 1; done
        ! works "$pid" || kill -9 "$pid"
    fi
    rm -f "$kept"
    stop
}

one() {
    "$0" "$1" "$conf" &
    child=$!
    while kill -0 "$child" 2>/dev/null; do wait "$child"; done # a signal ends `wait`, not what it waits for
    child=''
}

keep() {
    child='' MACVLAN_KEEPER=$$ kept=$run/$me.$shim.pid
    export MACVLAN_KEEPER
    trap '[ -z "$child" ] || kill -USR2 "$child"; wait; rm -f "$kept"; exit 0' TERM INT USR2
    trap '' HUP PIPE # the end of logger is not the end of this
    lock || die "$why"
    if read -r pid 2>/dev/null <"$kept" && works "$pid"; then # of two `up`s at once the first one keeps
        unlock
        kill -HUP "$pid"
        return
    fi
    say $$ >"$kept"
    unlock
    while :; do
        one boot
        trap '[ -z "$child" ] || kill -HUP "$child"' HUP
        one watch
        trap '' HUP
        say "the loop ended by itself: $shim stays for the next one"
        sleep 3
    done
}

# ---- containers --------------------------------------------------------------------------------------------
# A dockerd that hangs must not stop the loop. KILL, because TERM may be ignored here; before 2018 busybox wrote -t
limit=''
for try in 'timeout -s KILL -t 10' 'timeout -s KILL 10'; do ! $try true 2>/dev/null || limit=$try; done
ping6='ping -6'
! command -v ping6 >/dev/null || ping6=ping6

# refresh: which containers are on the network now; when docker does not say, what was known stays. A container that is
# gone by the second question is an error of docker's: the others it tells of are served, and none is forgotten.
refresh() {
    due=20 unanswered=y told=''
    ids=$($limit docker ps -q --no-trunc --filter "network=$network") || return 1
    # ids are hex, one word each
    # shellcheck disable=SC2086
    [ -z "$ids" ] || told=$($limit docker inspect --format "attached {{.State.Pid}} {{.Name}} \
{{with index .NetworkSettings.Networks \"$network\"}}{{or .IPAddress \"-\"}} {{or .GlobalIPv6Address \"-\"}}{{end}}" \
        $ids) || { [ -z "$told" ] || knows=0 attached=$told; return 1; }
    knows=1 attached=$told unanswered=''
} 2>/dev/null # some shells tell of what is killed

# revive: engines before 29 give up a container's start when the router's advertisement has set a default route before
# they do, at boot as well as by hand. Such a one is started again, ten times at most until it has run. In its first
# minute it is left to who made it: `pulumi up` removes it then and makes it anew, and must not meet it running.
revive() {
    aged=$($limit docker ps -a --no-trunc --filter "network=$network" --filter status=created --filter status=exited \
        --format '{{.ID}} {{.RunningFor}}') || return 0
    case $aged in *second*) due=5 ;; esac
    ids=$(say "$aged" | awk '!/second/ { print $1 }') told='' still=''
    # shellcheck disable=SC2086 # hex, one word each
    [ -z "$ids" ] || told=$($limit docker inspect --format 'stopped {{.Id}} {{.Name}} {{json .State.Error}}' $ids)
    while read -r tag id container error; do
        case $tag/$error in stopped/*'failed to set IPv6 gateway'*) ;; *) continue ;; esac
        tries=0
        case $revived in *"$id:"*) tries=${revived##*"$id:"} && tries=${tries%% *} ;; esac
        still="$still $id:$((tries + 1))"
        [ "$tries" -lt 10 ] || continue
        say "${container#/}: an advertisement outran its start by docker; started again"
        $limit docker start "$id" >/dev/null
    done <<EOF
$told
EOF
    revived=$still
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

stop_asking() {
    [ -n "$asker" ] || return 0
    { kill -9 "$asker" && wait "$asker"; } 2>/dev/null # bash tells of what is killed
    asker=''
    $ip -6 route del "$dead_gateway" dev "$shim" 2>/dev/null
}

# ask_gateway: whether anybody is at $dead_gateway. The host asks through the shim, before there is a container even, so
# that the first one's first packets are safe. A ping in the background makes the kernel send its three neighbour
# solicitations; a later round reads what came of them. Without an answer (no ping) $gateway stays as it was. Asked
# again after 20 rounds; while unknown, at once, five times after an event.
ask_gateway() {
    if [ -n "$asker" ]; then
        case $($ip -6 neigh show "$dead_gateway" dev "$shim" 2>/dev/null) in
        *lladdr*) gateway=somebody ;;
        *FAILED*) gateway=nobody ;;
        *) ! kill -0 "$asker" 2>/dev/null || return 0 ;;
        esac
        stop_asking
    elif [ "$link_state" = right ] &&
        { [ $((asked -= 1)) -lt 0 ] || { [ "$gateway" = unknown ] && [ "$quick" -gt 0 ]; }; }; then
        # On this link only: a neighbour is given up after 0.75 s instead of 3
        say 250 2>/dev/null >"/proc/sys/net/ipv6/neigh/$shim/retrans_time_ms"
        asker=none # whoever ends the loop from here on takes the route away
        $ip -6 route replace "$dead_gateway" dev "$shim" proto "$LEARNED" 2>/dev/null
        # shellcheck disable=SC2086 # may be two words
        $ping6 -c 1 -w 2 -q "$dead_gateway" >/dev/null 2>&1 &
        asker=$! asked=20 quick=$((quick - 1))
    fi
}

# docker gives each container a default route through the gateway of the ULA subnet. Where that is nobody, packets
# beside and before the router's own default are lost in it.
clear_dead() {
    [ -n "$dead_gateway" ] || return 0
    ask_gateway
    [ "$gateway" = nobody ] || return 0
    while read -r pid dev container; do
        [ -n "$pid" ] || continue
        enter "$pid"
        $enter "$ip" -6 route del default via "$dead_gateway" dev "$dev" 2>/dev/null &&
            say "$container: default route via $dead_gateway removed, nobody is there"
    done <<EOF
$dead
EOF
}

# In a container's namespace: sh -c "$ARRANGE" IP DEV MAC SUFFIX (as `seen` has them).
# A container's first packets are lost while its new global address is checked for duplicates, about a second. RFC 4429
# lets it use the address meanwhile; the MAC that the address is made of is unique.
# From 28 on Docker makes up another MAC at each start where the one asked for came by `network connect`. It is set here.
# With the token the kernel asks the router anew, whose answer to the MAC before is lost; what came of that one goes.
# shellcheck disable=SC2016 # the inner shell's
ARRANGE='
conf=/proc/sys/net/ipv6/conf/$1
echo 1 >"$conf/optimistic_dad" && echo 1 >"$conf/use_optimistic"
[ "$2" != - ] || exit
hextets() { echo "$1" | sed "s/..../&:/g; s/:\$//"; }
link=$("$0" -o link show dev "$1")
case $link in *link/ether*) old=${link#*link/ether } old=${old%% *} ;; *) exit ;; esac
if [ "$old" != "$2" ]; then
    echo 1 >"$conf/ndisc_notify"
    echo 1 >"/proc/sys/net/ipv4/conf/$1/arp_notify"
    "$0" link set dev "$1" address "$2" || { echo "the MAC $old stays, the kernel does not take $2"; exit; }
    "$0" token set "::$(hextets "$3")" dev "$1"
    echo "has the MAC $2 in place of $old"
fi
seen=0 removed=0 # a container may have given itself any number
while [ $((seen += 1)) -le 512 ] && [ $removed -lt 16 ] && read -r address _ length scope flags name; do
    case $name,$scope,$length,$flags,$address in
    "$1,00,40,"[0-7]?,*"$3") ;;
    "$1,00,40,"[0-7]?,*fffe??????) removed=$((removed + 1)) && "$0" -6 addr del "$(hextets "$address")/64" dev "$1" ;;
    esac
done </proc/self/net/if_inet6'

# arrange: once each interface that comes, and one with an address of another MAC. In rounds without either: no process
arrange() {
    while read -r line; do
        # shellcheck disable=SC2086 # words, without any of the file names' magic (set -f)
        set -- $line
        [ $# -eq 6 ] || continue
        case $strays in
        *" $1 "*) ;;
        *) case $NL$arranged in *"$NL$line$NL"*) continue ;; esac ;;
        esac
        enter "$1"
        said=$($enter sh -c "$ARRANGE" "$ip" "$2" "$4" "$5" 2>/dev/null </dev/null)
        [ -z "$said" ] || say "$6: ${said%%"$NL"*}"
    done <<EOF
$seen
EOF
    arranged=$seen
}

# With another MAC of the shim's: containers know this host by the one before, and would for up to a minute
forget_mac() {
    while read -r pid dev _; do
        [ -n "$pid" ] || continue
        enter "$pid"
        $enter "$ip" neigh flush dev "$dev" >/dev/null 2>&1
    done <<EOF
$seen
EOF
}

# ---- watch -------------------------------------------------------------------------------------------------
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
    stop_asking
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
        stop_asking
        for child in $client $reader $sleeper; do kill -9 "$child"; done
        wait
    } 2>/dev/null
    exec 3>&-
    exec "$0" watch "$conf" "$shim"
}

# One round: look, and only when something differs take the lock and look again.
round() {
    look
    [ -z "$gone" ] || [ -n "$unanswered" ] || { refresh && look; }
    arrange # first of all: the router's answer to a new container is about a second away
    clear_dead
    if ! as_wanted; then
        start
        case $done in 'wrong its MAC'*) forget_mac ;; esac
        [ -n "$why" ] || say "corrected: $(say "$done" | sed '/^$/d; 5s/.*/and more/; 6,$d' | tr '\n' ';')"
        [ "$why" = "$last_why" ] || say "${why:-$shim is as wanted again}"
        last_why=$why
    fi
}

wake() { [ -z "$sleeper" ] || kill -9 "$sleeper" 2>/dev/null; }

watch() { # [SHIM]: the one before a reload
    event=y unanswered='' reloading='' sleeper='' client='' reader='' asker='' pause=1
    gateway=unknown asked=0 quick=0 arranged='' last_why='' hurry=0 moment=1 due=0
    revived=''
    ! sleep 0.01 2>/dev/null || moment=0.2
    trap leave TERM INT USR2
    trap 'reloading=y; wake' HUP
    trap 'event=y; wake' USR1
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
            round # first, for a dockerd that hangs may take its time again
            refresh && round && revive
        elif [ $((due -= 1)) -lt 0 ]; then # an event, or now and then, should one be lost
            [ -n "$news" ] || arranged='' # and should somebody have changed a MAC
            refresh
            round
            [ -n "$unanswered" ] || revive
        else
            round
        fi
        # Started before the flags are read: a signal that comes after that ends the sleep, one before it is seen
        nap=$pause
        [ -z "$asker" ] || nap=1
        # A starting container gets its interface within moments, and the router's answer soon after
        [ -z "$late" ] || [ $((hurry -= 1)) -lt 0 ] || nap=$moment
        sleep "$nap" &
        sleeper=$!
        [ -z "$event$reloading" ] || wake
        # What a signal killed is cleared away by waiting for another child: bash 5.2 may wait for ever when it is asked to
        # wait for the same one once more, and tells of what is killed
        {
            wait "$sleeper" && spins=50 || spins=0
            while [ $((spins += 1)) -le 50 ] && kill -0 "$sleeper"; do (:); done
        } >/dev/null 2>&1
        sleeper=''
        # Addresses by RA come seconds after a container, without any event: look soon, then less often
        [ "$nap" != "$pause" ] || pause=$((pause * 2))
        [ "$pause" -lt "$tick" ] || pause=$tick
    done
}

# ---- status ------------------------------------------------------------------------------------------------
# Reads `reached ADDRESS`, `drift TEXT`, `planned …`, then each `attached …` followed by what ip says in its
# namespace. No value needs escaping in JSON: each is of the conf's characters or is checked here.
# shellcheck disable=SC2016 # awk's own $
REPORT='
function quoted(s) { return "\"" s "\"" }
function add(list, s) { return list (list == "" ? "" : ", ") s }
function mark(a) { if (a in reached) hits = add(hits, quoted(a)); return a (on && pinged && !(a in reached) ? "!" : "") }
function finish(   i, f, a, life, globals, shown) {
    if (name == "") return
    hits = ""
    shown = sprintf("%-20s %-16s %-26s", name, mark(v4), mark(ula))
    for (i = 1; i <= seen; i++) {
        split(line[i], f, " "); split(f[4], a, "/")
        if (f[2] != dev || a[1] == ula) continue
        life = match(line[i], /valid_lft [0-9]+/) ? substr(line[i], RSTART + 10, RLENGTH - 10) : "null"
        globals = add(globals, "{\"address\": " quoted(a[1]) ", \"valid\": " life "}")
        shown = shown " " mark(a[1])
    }
    mac = dev == "" ? (lone == "several" ? "" : has[lone]) : has[dev]
    if (mac != "" && macs[v4] != "" && mac != macs[v4]) shown = shown " MAC " mac " instead of " macs[v4]
    print json ? sep " {\"name\": " quoted(name) ", \"planned\": " plan ", \"attached\": " (on ? "true" : "false") \
        ", \"mac\": " ornull(mac) ", \"mac_planned\": " ornull(macs[v4]) \
        ", \"ipv4\": " quoted(v4) ", \"ula\": " quoted(ula) ", \"globals\": [" globals "], \"default_routes\": [" gates \
        "], \"reached\": " (pinged ? "[" hits "]" : "null") "}" : shown (on ? " default via [" gates "]" : " not running")
    sep = ","
}
function begin(n, a, u, p, o) {
    finish(); name = n; v4 = a; ula = u; plan = p; on = o; seen = 0; gates = dev = lone = ""; split("", has)
}
function ornull(s) { return s == "" ? "null" : quoted(s) }
$1 == "pinged" { pinged = 1 }
$1 == "reached" { reached[$2] }
$1 == "planned" { names[++count] = $2; v4s[count] = $3; ulas[count] = $4; if ($3 != "-") planned[$3] }
$1 == "planned" && $5 ~ /:/ { macs[$3] = $5 }
$1 == "attached" && $3 ~ /^\/[A-Za-z0-9_.-]+$/ && $4 ~ /^[0-9.]+$/ && $5 ~ /^[0-9a-f:-]+$/ {
    begin(substr($3, 2), $4, $5, ($4 in planned) ? "true" : "false", 1)
    running[$4]
}
$3 == "inet6" { line[++seen] = $0; if (index($4, ula "/") == 1) dev = $2 }
match($0, / link\/ether [0-9a-f:]+ /) {
    mac = substr($0, RSTART + 12, RLENGTH - 13); sub(/[@:].*/, "", $2)
    has[$2] = mac; lone = lone == "" ? $2 : "several"
}
$1 == "default" { gates = add(gates, quoted($3)) }
END {
    for (c = 1; c <= count; c++) if (!(v4s[c] in running)) begin(names[c], v4s[c], ulas[c], "true", 0)
    finish()
}'

# What ip says in each attached container's namespace. A link's alias may be any text, with ends of lines in it
inside() {
    while read -r tag pid rest; do
        [ -n "$tag" ] || continue
        say "$tag $pid $rest"
        enter "$pid"
        $enter sh -c "$ip -o link show; $ip -6 -o addr show scope global; $ip -6 route show default" \
            2>/dev/null </dev/null | sed -n 's/ alias .*//; /^[0-9][0-9]*: /p; /^default [^"]*$/p'
    done <<EOF
$attached
EOF
    leave_netns
}

# Which addresses on stdin (as inside prints them) answer a ping from here; 32 at a time
reach() {
    command -v ping >/dev/null || return 0
    busy=0
    say pinged
    while read -r tag _ family address ula _; do
        case $tag/$family in
        attached/*) set -- "$address" "$ula" ;;
        */inet6) set -- "${address%/*}" ;;
        *) continue ;;
        esac
        for address; do
            case $address in *:*) ping=$ping6 ;; *) ping=ping ;; esac
            # shellcheck disable=SC2086 # may be two words
            { $ping -c 1 -w 2 -W 2 -q "$address" >/dev/null 2>&1 && say "reached $address"; } &
            [ $((busy = (busy + 1) % 32)) -gt 0 ] || wait
        done
    done
    wait
}

# shellcheck disable=SC2016 # awk's own $
ANSWERS='
function tell(a) { # one that this host has itself answers without any container
    if (a ~ /^[0-9a-f.:]+$/ && !(a in told)) print a, name, ((a in yes) && !(a in own) ? "yes" : "no")
    told[a]
}
$1 == "own" { sub(/\/.*/, "", $5); own[$5]; next }
$1 == "reached" { yes[$2] }
$1 == "attached" { name = $3 ~ /^\/[A-Za-z0-9_.-]+$/ ? substr($3, 2) : "?"; tell($4); tell($5) }
$3 == "inet6" { sub(/\/.*/, "", $4); tell($4) }'

# reached: for install.sh, before and after a change
reached() {
    refresh || refresh || die "docker does not say which containers run"
    attached=$(say "$attached" | sed 10q)
    details=$(inside)
    { $ip -o addr show | sed 's/^/own /' && say "$details" | reach; say "$details"; } | awk "$ANSWERS"
}

# drifts: one line for each thing that is not as wanted
drifts() {
    case $link_state in
    right) ;;
    missing) say "link $shim is not there" && return ;;
    foreign) say "$shim is no macvlan" && return ;;
    *) say "link $shim: ${link_state#wrong }" && return ;;
    esac
    for item in $sysctls_wrong; do say "sysctl $item is not so"; done
    printf %s "$todo" | sed 's/^/needs: /'
}

notes() {
    command -v docker >/dev/null || say 'no docker client on PATH: containers are not known'
    command -v nsenter >/dev/null || $ip netns list >/dev/null 2>&1 ||
        say 'neither nsenter nor ip netns: default routes and MACs in containers stay as docker made them'
}

status() { # table|json|brief
    look
    state=ok code=0
    as_wanted || state=drifted code=1
    [ "$link_state" != missing ] || state=down code=3
    count=$(printf %s "$planned" | grep -c .)
    title="shim $shim on $parent: $shim_ipv4, $shim_ipv6; $count containers, $wanted routes"
    case $1 in
    brief)
        [ $code -eq 0 ] || title="shim $shim on $parent: $state: $(drifts | sed 4,\$d | tr '\n' ';')"
        say "$title"
        ;;
    *)
        refresh
        details=$(inside)
        reached=$(printf '%s\n' "$details" | reach)
        containers=$(printf '%s\n' "$reached" "$planned" "$details" | awk -v json="$([ "$1" = table ] || say 1)" "$REPORT")
        "status_$1"
        ;;
    esac
    return $code
}

status_table() {
    say "$title" "state     $state" "routes    $wanted wanted, $present present, $((wanted - present)) missing, $stale stale"
    drifts | sed 's/^/drift     /'
    notes | sed 's/^/note      /'
    [ -z "$containers" ] || say '' "containers (! = no answer from here)" "$containers"
}

status_json() {
    say "{\"version\": 1, \"state\": \"$state\", \"network\": \"$network\", \"shim\": {\"name\": \"$shim\"," \
        "\"parent\": \"$parent\", \"mac\": \"$shim_mac\", \"ipv4\": \"$shim_ipv4\", \"ipv6\": \"$shim_ipv6\"}," \
        "\"routes\": {\"wanted\": $wanted, \"present\": $present, \"stale\": $stale}," \
        "\"drift\": [$(drifts | sed 's/.*/"&"/; $!s/$/,/')]," "\"notes\": [$(notes | sed 's/.*/"&"/; $!s/$/,/')]," \
        "\"containers\": [$containers]}"
}

# ---- commands ----------------------------------------------------------------------------------------------
main() {
    command=${1:-} format=table
    [ $# -eq 0 ] || shift
    case ${1:-} in --json | --brief) format=${1#--} && shift ;; esac
    conf=${1:-/etc/setup_docker_macvlan.conf}
    case $command:$conf in *:-* | :*) say "$usage" >&2 && exit 2 ;; esac
    case $command in
    start | stop | status | watch | check | reached | poststop | boot | up | down | keep) ;;
    *) say "$usage" >&2 && exit 2 ;;
    esac
    [ -x "$ip" ] || die "there is no ip command in /sbin or /usr/sbin: install iproute2"
    load_conf
    case $command in
    start) start || die "start failed: $why" ;;
    boot) { await_parent && start; } || die "start failed: $why" ;;
    stop | up | down | keep) $command ;;
    status) status "$format" ;;
    check) check_parent || die "$conf: $why" ;;
    reached) reached ;;
    watch) watch "${2:-}" ;;
    poststop) poststop "${2:-$me}" ;;
    esac
}
main "$@"
