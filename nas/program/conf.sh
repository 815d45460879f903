# The program: what it is, its usage, and its data file: `key value` lines, parsed and never evaluated.
# Lets this host and its own macvlan containers talk to each other. The kernel keeps a macvlan's parent and its
# children apart, so the host gets a macvlan link of its own (the "shim") beside the containers, and one host route
# per container. The routes are in a table of their own, and one rule for each family has the kernel look there first: NAS
# makers' and VPNs' own rules would otherwise win over routes in the table main. The program compares the kernel's state
# with what is wanted, and changes only what differs.
usage='usage: setup_docker_macvlan.sh COMMAND [CONF]     (CONF: /etc/setup_docker_macvlan.conf)
  start     makes or corrects link, addresses, sysctls, routes and rules; a failed start leaves nothing behind
  stop      removes the link, and the routes with it, and the rules
  status    compares, and asks the kernel which way packets take; 0 = as wanted, 1 = drifted, 3 = not up.
            --json for machines, --brief compares only
  watch     stays, and corrects at docker events and every check_interval; HUP: read conf and program again, now
  boot      start, once the parent link is there: waits for it up to a minute
  check     reads CONF and looks for its parent; changes nothing
  start-loop    boot and watch in the background, for a NAS without systemd; a running loop reads its files again
  stop-loop     ends the background loop and removes the link
  supervise     what start-loop leaves in the background: boot and watch, and again when the loop ends by itself
  reachability  ADDRESS NAME yes|no for addresses of the first ten containers: whether each answers a ping
  routing       one line for each packet between this host and a container that would take another way
  withdraw      gives running containers back what they had before the loop changed it: [CONF] [ipv6]; ipv6: only what
                concerns IPv6
  release       removes the rules and the routes in their table, and leaves the link: for a version that knows neither
  poststop      CONF UNIT, for ExecStopPost=: stop, unless UNIT ended by itself and will be started again'
# POSIX sh for dash, busybox ash and bash; iproute2 of 2016, kernels from 3.10. Data is parsed, never evaluated.
set -uf
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin:/usr/local/bin
export LC_ALL PATH
me=${0##*/}
run=${MACVLAN_RUN:-/run}
NL='
'


# ---- the conf: `key value` lines ---------------------------------------------------------------------------
is_name() { case $1 in '' | *[!A-Za-z0-9_.-]* | [!A-Za-z0-9]*) return 1 ;; esac; }
is_link() { is_name "$1" && [ ${#1} -le 15 ] && case $1 in all | default | lo) return 1 ;; esac; }
is_table() { case $1 in '' | *[!0-9]* | 0* | ????*) return 1 ;; *) [ "$1" -le 252 ] ;; esac; } # 253 to 255 are the kernel's
is_interval() { case $1 in '' | *[!0-9]* | 0* | ?????*) return 1 ;; esac; }
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

is_prefix() { case $1 in *::/64) is_v6 "${1%/64}" ;; *) return 1 ;; esac; }
is_subnet() { case $1 in */[1-9] | */[12][0-9] | */3[0-2]) is_v4 "${1%/*}" ;; *) return 1 ;; esac; }
is_v6_or_slaac() { [ "$1" = slaac ] || is_v6 "$1"; }
none_or() { [ "$2" = - ] || "$1" "$2"; }

load_conf() {
    [ -r "$conf" ] || die "cannot read $conf: make it (pulumi up does), or name another one"
    line=0 version='' network='' parent='' shim='' shim_mac='' shim_ipv4='' shim_ipv6=''
    placeholder_gateway='' router_gateway='' check_interval=30 planned='' routing_table=109
    ipv6=docker others='' ula_prefix='' lan_subnet=''
    while read -r key a b c more || [ -n "$key" ]; do
        line=$((line + 1)) v="$a${b:+ $b}" # two words where one belongs pass no test
        case $key in
        '' | '#'*) ;;
        container)
            # Older versions wrote no MAC at the end of the line. Behind it may be a static global address
            mac=${more%% *} static=${more#"$mac"} static=${static# }
            is_name "$a" && none_or is_v4 "$b" && none_or is_v6_or_slaac "$c" && none_or is_mac "${mac:--}" &&
                none_or is_v6 "${static:--}" && planned="${planned}planned $a $b $c ${mac:--}${static:+ $static}$NL"
            ;;
        version) [ "$v" = 1 ] && version=1 ;;
        network) is_name "$v" && network=$a ;;
        parent) is_link "$v" && parent=$a ;;
        shim) is_link "$v" && shim=$a ;;
        shim_mac) is_mac "$v" && shim_mac=$a ;;
        shim_ipv4) is_v4 "$v" && shim_ipv4=$a ;;
        shim_ipv6) none_or is_v6 "$v" && shim_ipv6=$a ;;
        ipv6) case $v in docker | loop | off) ipv6=$a ;; *) false ;; esac ;;
        others) [ "$v" = all ] && others=$a ;;
        ula_prefix) is_prefix "$v" && ula_prefix=$a ;;
        lan_subnet) is_subnet "$v" && lan_subnet=$a ;;
        routing_table) is_table "$v" && routing_table=$a ;;
        # The second names are from before the first release: an old conf stays in place until the next pulumi up
        placeholder_gateway | dead_gateway) is_v6 "$v" && placeholder_gateway=$a ;;
        router_gateway | keep_gateway) is_v6 "$v" && router_gateway=$a ;;
        check_interval | tick) is_interval "$v" && check_interval=$a ;;
        docker_folder) is_folder "$v" && PATH=$PATH:$a ;;
        *) die "$conf line $line: unknown key '$key'" ;;
        esac || die "$conf line $line: '$a${b:+ $b}${c:+ $c}${more:+ $more}' is not a valid value for $key"
    done <"$conf"
    for key in "version $version" "network $network" "parent $parent" "shim $shim" "shim_mac $shim_mac" \
        "shim_ipv4 $shim_ipv4" "shim_ipv6 $shim_ipv6"; do
        [ -n "${key#* }" ] || die "$conf: the line '${key}...' is missing"
    done
    [ "$shim" != "$parent" ] || die "$conf: shim and parent are both $shim; the shim is a link of its own"
    given=$run/macvlan-ipv6.$shim.given # what the loop has changed in containers
    table_name=$(name_of_table "$routing_table")
    [ "$placeholder_gateway" != "$router_gateway" ] || placeholder_gateway='' # a router's address is never a placeholder
}

check_parent() {
    # /proc and not /sys, because in a container /sys may show the links of another namespace
    [ -e "/proc/sys/net/ipv4/conf/$parent" ] && return
    why="the parent link $parent does not exist; links here:"
    set +f
    for link in /proc/sys/net/ipv4/conf/*; do is_link "${link##*/}" && why="$why ${link##*/}"; done
    set -f
    return 1
}

# Neither docker's unit nor a runlevel waits for the parent interface, so the program does. systemd gives a start 90 s, so
# the wait is shorter. A parent that appears later is found by the next try.
await_parent() {
    check_parent && return
    waited=0
    say "waiting up to 60 s for the parent link $parent"
    until check_parent; do
        [ $((waited += 1)) -le 60 ] || { why="$why; it did not come within 60 s" && return 1; }
        sleep 1
    done
    say "the parent link $parent appeared after $waited s; if docker started earlier, its macvlan network is missing: restart docker"
}
