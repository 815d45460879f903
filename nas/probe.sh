# What the NAS says of itself: sections of plain lines, `== NAME` before each, `== end` last. It writes no file and
# changes nothing, and what its user may not read is left out. Comes on stdin: sh -s -- KEY=VALUE... (see `accept`).
# POSIX sh for dash, busybox ash and bash; iproute2 of 2016, systemd 219, docker from 20.10. No here-documents: bash
# keeps them in files. Data is never evaluated, and text of the NAS's files stands behind a `|`.
set -u
LC_ALL=C
own_path=$PATH
PATH=$PATH:/usr/sbin:/sbin:/usr/local/bin:/usr/syno/bin
export LC_ALL PATH
NL='
'
shim='' network='' gateway='' label=macvlan-ipv6 task='' files='' confs='' programs='' places='' units='' asks=''
sudo=''

say() { printf '%s\n' "$@"; }
has() { command -v "$1" >/dev/null 2>&1; }
quoted() { awk '{ print "|" $0 }'; } # ends the last line too where the file does not

# accept KEY=VALUE...: unknown keys are of a later version, or of no use here
accept() {
    for argument; do
        value=${argument#*=}
        case $argument in
        shim=*) shim=$value ;;
        network=*) network=$value ;;
        conf=*) confs="$confs$value$NL" ;;
        program=*) programs="$programs$value$NL" ;;
        place=*[!A-Za-z0-9_./-]*) ;;
        place=*) places="$places $value" ;;
        task=*[!A-Za-z0-9_.-]*) ;;
        task=*) task=$value ;;
        sudo=right | sudo=wrong) sudo=$value ;;
        file=*) files="$files$value$NL" ;; # 0755:/path
        label=*[!A-Za-z0-9._/-]*) ;;
        label=*) label=$value ;;
        unit=*[!A-Za-z0-9_.@:-]*) ;;
        unit=*) units="$units $value" ;;
        gateway=*[!0-9a-fA-F.:]* | ask=*[!0-9a-fA-F.:]*) ;;
        gateway=*) gateway=$value ;;
        ask=*) asks="$asks $value" ;;
        esac
    done
}

# The link has the name that the last run gave it, whatever the site calls it by now
recorded_shim() {
    say "$confs" | while read -r path; do
        [ ! -f "$path" ] || tr -d '\r' <"$path" |
            sed -n -e '1{/macvlan-ipv6/!q;}' -e 's/^shim \([A-Za-z0-9][A-Za-z0-9_.-]*\)$/\1/p'
    done | sed 1q
}

find_tools() {
    limit='' # a dockerd that hangs must not stop the look
    for try in 'timeout -t 20' 'timeout 20'; do ! $try true 2>/dev/null || limit=$try; done # -t: busybox before 2018
    ping6='ping -6'
    ! has ping6 || ping6=ping6
    # Some busybox shells take their own ip for any ip
    for ip in /sbin/ip /usr/sbin/ip /bin/ip /usr/bin/ip "$(command -v ip)" ''; do [ ! -x "$ip" ] || break; done
    ip=${ip:-false}
    uid=$(id -u)
    root='' # what makes a command root's
    if [ "$uid" != 0 ] && [ -z "$sudo" ] && has sudo; then
        sudo=asks
        ! $limit sudo -n true </dev/null >/dev/null 2>&1 || sudo='yes' root='sudo -n'
    fi
    on_path=no docker='' wrapper=''
    # shellcheck disable=SC2046 # a folder is one word
    for place in $(say "$own_path" | tr : '\n') $places; do
        if [ ! -x "$place/docker" ] || [ -d "$place/docker" ]; then continue; fi
        case :$own_path: in *":$place:"*) on_path=yes ;; esac
        if ! sed 3q "$place/docker" 2>/dev/null | grep -q macvlan-ipv6; then
            docker=$place/docker
            break
        fi
        wrapper=${wrapper:-$place/docker}
    done
}

# docker's client, as root where it wants that; in a subshell always, in whose place it stands
# shellcheck disable=SC2086 # words
ask_docker() { exec $limit $as "$docker" "$@"; }

# ---- who is at which address: asked first, in the background, read last ------------------------------------
# pings SECONDS ADDRESS. Without -w: with it ping may send once more as its time ends, and wait for that one too.
pings() {
    case $2 in *:*) ping=$ping6 ;; *) ping=ping ;; esac
    # shellcheck disable=SC2086 # may be two words
    $ping -c 1 -W "$1" -q "$2" >/dev/null 2>&1
}

# After three seconds without an answer the kernel may forget that it asked, and 250 pings may take as long to start
sent() { $ip neigh show 2>/dev/null | sed 's/^/sent /'; }

# Answers with `able` (there is a ping, and this user may use it), `pinged ADDRESS`, and `sent ADDRESS ...` at times
ask_all() {
    pings 5 127.0.0.1 || return 0
    say able
    [ -z "$gateway" ] || { ! pings 2 "$gateway" || say "pinged $gateway"; } &
    busy=0
    for address in $asks; do
        { ! pings 1 "$address" || say "pinged $address"; } &
        [ $((busy = (busy + 1) % 250)) -gt 0 ] || { sent && wait; }
        [ $((busy % 50)) -gt 0 ] || sent
    done
    sent
    wait
}

# The neighbour table is the judge: a firewall may drop pings, and what answers through the router is no neighbour.
# Any entry, failed ones too, says that the question went out. One from before the question, without a ping answered, is
# `known`: whoever it was may have left since.
# shellcheck disable=SC2016 # awk's own $
NEIGHBOURS='
$1 == "==" { part = $2; next }
part == "told" && $1 == "able" { able = 1 }
part == "told" && $1 == "pinged" { pinged[$2] }
part == "told" && $1 == "sent" { known[$2] }
part == "gateway" && NF { if (gateway == "") gateway = $1; else way = way $0 " " }
part == "asked" && NF { order[++total] = $1 }
part == "before" { if (/ lladdr /) old[$1]; next }
part == "own" && NF { sub("/.*", "", $4); own[$4] }
part == "neighbours" {
    known[$1]
    mac = match($0, / lladdr [^ ]+/) ? substr($0, RSTART + 8, RLENGTH - 8) : ""
    state = match($0, / (REACHABLE|PERMANENT|STALE|DELAY|PROBE)( |$)/) ? substr($0, RSTART + 1) : ""
    sub(/ .*/, "", state)
    sure = state ~ /^(REACHABLE|PERMANENT)$/
    if (mac != "" && (sure || $1 in old || (state != "" && $1 in pinged && !($1 in found)))) found[$1] = mac " " state
}
END {
    # A ping that was answered by way of another router will do here: the address is there. Without a way nobody was
    # asked, and one on the link that was known before may be a router that drops pings.
    if (able && gateway != "") {
        if (gateway in pinged) said = "answers"
        else if (way == "" || way ~ /^unreachable/) said = "unasked"
        else if (way ~ / via /) said = "silent"
        else if (gateway in found && found[gateway] ~ / (REACHABLE|PERMANENT)$/) said = "answers"
        else said = (gateway in known && !(gateway in old) ? "silent" : "unasked")
        print "gateway", said
    }
    for (i = 1; i <= total; i++) {
        a = order[i]
        if (a in own) continue
        if (able && a in found) print "answer", a, found[a], (a in pinged ? "ping" : (a in old ? "known" : "quiet"))
        else if (!able || !(a in known || a in pinged)) print "unasked", a
    }
}'

judge() {
    # shellcheck disable=SC2086 # addresses only
    {
        say '== told' "$told" '== gateway' "$gateway"
        [ -z "$gateway" ] || $ip route get "$gateway" 2>/dev/null
        say '== asked' $asks '== before' "$before" '== own'
        $ip -o addr show
        say '== neighbours'
        $ip neigh show
    } | awk "$NEIGHBOURS"
}

look_gateway() {
    judged=$(judge)
    say "$judged" | sed -n 's/^gateway //p'
}

look_answers() { say "$judged" | grep -E '^(answer|unasked) '; }

# ---- the system --------------------------------------------------------------------------------------------
look_user() {
    say "uid $uid" "name $(id -un)" "groups $(id -Gn)"
    [ -z "${SSH_CLIENT:-}" ] || say "client ${SSH_CLIENT%% *}"
    [ "$uid" = 0 ] || [ -z "$sudo" ] || say "sudo $sudo"
}

look_system() {
    say "kernel $(uname -r)" "machine $(uname -m)" "init $(cat /proc/1/comm)"
    systemctl --version | awk 'NR == 1 && $1 == "systemd" { print $1, $2 }'
    quoted </etc/os-release
    for file in /etc.defaults/VERSION /etc/unraid-version /etc/version /etc/config/uLinux.conf; do
        [ -f "$file" ] && [ -r "$file" ] || continue
        say "file $file"
        sed 20q "$file" | quoted
    done
    say "time $(date -u +%Y-%m-%dT%H:%M:%SZ)"
}

look_tools() {
    [ "$ip" = false ] || say 'tool ip' "ip_version $($ip -V)"
    [ -z "$docker" ] || say 'tool docker'
    for tool in systemctl nsenter ping ping6 sha256sum modprobe timeout setsid sudo synowebapi synosystemctl; do
        ! has $tool || say "tool $tool"
    done
    case $($ip -j link show lo) in '['*) say 'ip_json yes' ;; *) say 'ip_json no' ;; esac
    if $ip -batch -; then say 'ip_batch yes'; else say 'ip_batch no'; fi
    if [ -d /usr/local/etc/rc.d ]; then say 'rcd yes'; else say 'rcd no'; fi
}

look_macvlan() {
    modules=/lib/modules/$(uname -r)
    [ -d "$modules" ] || modules=/lib/modules
    kernel=unknown
    [ ! -r "$modules" ] || kernel=no
    if [ -e /sys/module/macvlan ] || [ -n "$(find "$modules" -name 'macvlan.ko*')" ] ||
        [ -e /lib/modules/macvlan.ko ] || grep -q '/macvlan\.ko' "$modules/modules.builtin"; then
        kernel=yes
    else
        grep -q ' macvlan_' /proc/kallsyms
        case $? in 0) kernel=yes ;; 1) kernel=no ;; esac
    fi
    say "kernel $kernel"
}

look_links() {
    $ip -d -o link show
    for link in /sys/class/net/*; do
        if [ -e "$link/wireless" ] || [ -e "$link/phy80211" ]; then say "wireless ${link##*/}"; fi
    done
}

look_addresses() { $ip -o addr show; }

look_routes() {
    for family in 4 6; do $ip -$family route show default | sed "s/^/$family /"; done
    [ -n "$shim" ] || return 0
    for family in 4 6; do $ip -$family route show table all dev "$shim" | sed "s/^/shim$family /"; done
}

look_sysctls() {
    [ -n "$shim" ] || return 0
    for key in ipv6/accept_ra ipv6/autoconf ipv6/addr_gen_mode ipv6/disable_ipv6 ipv4/arp_filter ipv4/arp_announce; do
        file=/proc/sys/net/${key%/*}/conf/$shim/${key#*/}
        [ ! -r "$file" ] || say "${key#*/} $(cat "$file")"
    done
}

# ---- docker ------------------------------------------------------------------------------------------------
# Once it does not answer it is not asked again
look_docker() {
    say "on_path $on_path" "search $own_path"
    [ -z "$wrapper" ] || say "wrapper $wrapper"
    [ -n "$docker" ] || return 0
    say "path $docker"
    ask='{{with .Server}}engine {{.Version}}{{"\n"}}api {{.APIVersion}}{{end}}'
    if answer=$(ask_docker version --format "$ask" 2>&1); then
        say "$answer" | grep -E '^(engine|api) ' # and no warnings
        return
    fi
    case $answer in
    *[Pp]'ermission denied'*)
        as=$root
        if [ -n "$root" ] && again=$(ask_docker version --format "$ask" 2>&1); then
            say "$(printf 'denied %s' "$answer" | tr -s '\r\n' ' ')"
            say "$again" | grep -E '^(engine|api) '
            return
        fi
        ;;
    esac
    docker=''
    say "$(printf 'error %s' "${answer:-no answer within 20 s}" | tr -s '\r\n' ' ')"
}

# inspected KIND FORM COMMAND...: sets $found to docker's lines of JSON, and nothing else, on each of those that the
# command lists. One that went in between is an error, and it is asked again; one that docker cannot tell of is left out
# at last. Half an answer of a docker that hangs or ends would look like a NAS that lost the rest: that is no answer.
inspected() {
    kind=$1 form=$2
    shift 2
    for try in 1 2 3; do
        found=''
        ids=$(ask_docker "$@") || break
        [ -n "$ids" ] || return 0
        # shellcheck disable=SC2086 # hex, one word each
        words=$(ask_docker "$kind" inspect --format "$form" $ids 2>&1)
        code=$?
        found=$(say "$words" | grep '^{')
        case $code,$(say "$words" | grep -v '^{') in
        0,*) return 0 ;;
        1,*'annot connect to the Docker daemon'* | 1,*'rror during connect'*) break ;;
        1,*) [ "$try" -lt 3 ] || return 0 ;;
        *) break ;;
        esac
    done
    docker='' found=''
    say unanswered
}

look_networks() {
    [ -n "$docker" ] || return 0
    inspected network '{{json .}}' network ls -q --no-trunc
    [ -z "$found" ] || say "$found"
}

# `index .Config` is on purpose: no client can index its own struct, and each then takes the engine's JSON as it
# came, in which any field may be absent (Config.MacAddress is, on new engines).
look_containers() {
    [ -n "$docker" ] || return 0
    form='"pid":{{.State.Pid}},"id":{{json .Id}},"name":{{json .Name}},"status":{{json .State.Status}}'
    form=$form',"restarts":{{json .RestartCount}},"started":{{json .State.StartedAt}}'
    form=$form',"image":{{json (index .Config "Image")}}'
    form=$form',"mac":{{json (index .Config "MacAddress")}},"networks":{{json .NetworkSettings.Networks}}'
    for key in addresses repaired; do
        form="$form,\"$key\":{{with index .Config \"Labels\"}}{{json (index . \"$label.$key\")}}{{else}}null{{end}}"
    done
    inspected container "{$form}" ps -aq --no-trunc
    containers=$found
    [ -z "$containers" ] || say "$containers"
}

# What the kernel says in the namespaces of the running containers on this network, whatever Docker believes: the
# addresses, which every user may read, and the links, for which it takes root.
# A container may have made any number of them: what is not read to its end is told as cut.
# shellcheck disable=SC2016 # awk's own $
INSIDE='
BEGIN {
    for (i = 1; i < ARGC; i++) {
        print "pid", ARGV[i]
        at = "/proc/" ARGV[i] "/net/"
        for (n = 0; n < 64 && (getline line < (at "if_inet6")) > 0; n++) print "v6", line
        if (n == 64) print "cut"
        split("", told)
        for (n = 0; n < 4096 && (getline line < (at "fib_trie")) > 0; n++) {
            split(line, p, " ")
            if (p[1] == "|--") address = p[2]
            else if (p[1] == "/32" && p[3] == "LOCAL" && !(address in told)) { told[address]; print "v4", address }
        }
        if (n == 4096 || n == 0) print "cut" # it ended meanwhile
        close(at "if_inet6"); close(at "fib_trie")
    }
}'

look_inside() {
    # The number comes first in its line, where no text of the container's can be
    pids=$(say "$containers" | grep -F "\"$network\":{" | sed -n 's/^{"pid":\([1-9][0-9]*\),.*/\1/p')
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086 # numbers
    awk "$INSIDE" $pids
    if ! has nsenter || { [ "$uid" != 0 ] && [ -z "$root" ]; }; then return; fi
    # A link's alias may be any text, with ends of lines in it
    # shellcheck disable=SC2016 # the inner shell's
    each='for pid; do
        echo "links $pid" && nsenter -t "$pid" -n "$0" -o link show | sed -n "s/ alias .*//; /^[0-9][0-9]*: /p"
    done'
    # shellcheck disable=SC2086 # words
    $limit $root sh -c "$each" "$ip" $pids | sed 4096q
}

# ---- what is installed -------------------------------------------------------------------------------------
look_files() {
    say "$files" "${wrapper:+0755:$wrapper}" | while IFS=: read -r mode path; do
        [ -n "$path" ] || continue
        if [ -e "$path" ] || [ -L "$path" ]; then
            state=other sum=''
            [ -z "$(find "$path" -prune -perm "$mode")" ] || state=ok
            [ ! -f "$path" ] || sum=$(sha256sum <"$path")
            sum=${sum%% *}
            say "file $path $state ${sum:--}"
        else
            say "file $path missing"
        fi
        [ ! -e "$path.before-macvlan-ipv6" ] || say "backup $path"
    done
}

look_conf() {
    say "$confs" | while read -r path; do
        [ ! -f "$path" ] || { say "file $path" && quoted <"$path"; }
    done
}

# The loop that the program keeps where systemd does not, and the task that starts it
look_loop() {
    say "$programs" | while read -r path; do
        if [ -z "$path" ] || ! read -r pid </run/"${path##*/}.$shim.pid"; then continue; fi
        case $(tr '\0' ' ' <"/proc/$pid/cmdline") in *"${path##*/} keep "*) say "loop $pid" ;; esac
    done
    if [ -z "$task" ] || ! has synowebapi || [ "$uid$root" = "$uid" ] && [ "$uid" != 0 ]; then return; fi
    # shellcheck disable=SC2086 # words
    case $($limit $root "$(command -v synowebapi)" -s --exec api=SYNO.Core.EventScheduler version=1 method=get \
        task_name="\"$task\"" | tr -d ' \t\n') in
    *'"success":true'*) say 'task yes' ;;
    *'"success":false'*) say 'task no' ;;
    esac
}

look_units() {
    names=' '
    for unit in $units $($limit systemctl --no-legend --no-pager list-unit-files |
        awk '$1 ~ /^[A-Za-z0-9_.@:-]*ocker[A-Za-z0-9_.@:-]*\.service$/ && $1 !~ /@\./ { print $1 }'); do
        case $names in *" $unit "*) ;; *) names="$names$unit " ;; esac
    done
    # shellcheck disable=SC2086 # a unit is one word
    $limit systemctl show -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p FragmentPath \
        -p NeedDaemonReload -p MainPID -p Type -- $names
}

# sshd's settings, its own word or that of its files. Of several lines the first one counts; drop-ins are included at
# the top
ask_sshd() {
    # shellcheck disable=SC2086 # words
    sshd=$(command -v sshd) && $limit $root "$sshd" -T && return
    for file in /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config; do
        [ ! -r "$file" ] || awk '{ gsub(/[="]/, " "); k = tolower($1) } k == "match" { exit } { print k, $2 }' "$file"
    done
}

look_sshd() {
    settings=$(ask_sshd)
    say "$settings" | awk '$1 ~ /^(maxsessions|maxstartups|allowtcpforwarding)$/ && !seen[$1]++ { print $1, $2 }'
}

# Those that sshd shows to whoever asks, which is not every one that lies there. RSA keys go by newer names, too.
look_host_keys() {
    offered=$(say "$settings" | awk '$1 == "hostkeyalgorithms" && $2 !~ /^[-+^]|[*?]/ { print "," $2 ","; exit }')
    # shellcheck disable=SC2046 # paths of one word each
    set -- $(say "$settings" | sed -n 's|^hostkey \(/[A-Za-z0-9._/-]*\)$|\1|p')
    [ $# -gt 0 ] || set -- /etc/ssh/ssh_host_*_key.pub
    for file; do
        file=${file%.pub}.pub
        [ ! -r "$file" ] || awk -v offered="$offered" '
            { name = "," $1 "," }
            offered != "" && !index(offered, name) && !($1 == "ssh-rsa" && offered ~ /,rsa-sha2-/) { next }
            $1 ~ /^[a-z]+-/ { print $1, $2 }' "$file"
    done
}

look_leftovers() {
    for file in /usr/local/etc/rc.d/* /etc/rc.local /etc/init.d/* /etc/systemd/system/*.service \
        /usr/local/lib/systemd/system/*.service /etc/network/interfaces /etc/network/interfaces.d/* /etc/crontab \
        /boot/config/go /etc/NetworkManager/system-connections/* /etc/systemd/network/*; do
        [ ! -f "$file" ] || set -- "$@" "$file" # no pipe, which would never end
    done
    [ $# -eq 0 ] || grep -l macvlan "$@" | sed 's/^/mentions /'
}

# ---- all of it ---------------------------------------------------------------------------------------------
sections() {
    told='' as='' containers=''
    say '' # ends the line that a login script may have begun
    for section in user system tools macvlan links addresses routes sysctls docker networks containers inside files \
        conf loop units sshd host_keys leftovers gateway answers; do
        [ $section != gateway ] || told=$(cat) # waits for the pings
        say "== $section"
        "look_$section" 2>/dev/null </dev/null
    done
    say '== end'
}

# A function that is called last: a script that was cut off on its way does nothing
main() {
    accept "$@"
    recorded=$(recorded_shim 2>/dev/null)
    shim=${recorded:-$shim}
    find_tools
    before=$($ip neigh show 2>/dev/null)
    ask_all | sections
}
main "$@" </dev/null
