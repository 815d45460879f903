# The probe: what it is, what it is asked, and the tools that it finds.
# What the NAS says of itself: sections of plain lines, `== NAME` before each, `== end` last. It writes no file and
# changes nothing, and what its user may not read is left out. Comes on stdin: sh -s -- KEY=VALUE... (see `accept`).
# POSIX sh for dash, busybox ash and bash; iproute2 of 2016, systemd 219, docker from 20.10. No here-documents: bash
# keeps them in files. Data is never evaluated, and text of the NAS's files stands behind a `|`.
set -u
LC_ALL=C
own_path=$PATH
PATH=$PATH:/usr/sbin:/sbin:/usr/local/bin:/usr/syno/bin
export LC_ALL PATH
me=probe.sh
NL='
'
shim='' parent='' network='' router='' gateway='' table='' label=macvlan-ipv6 task='' files='' confs='' programs='' places='' units='' asks=''
sudo=''

has() { command -v "$1" >/dev/null 2>&1; }
quoted() { awk '{ print "|" $0 }'; } # ends the last line too where the file does not

# accept KEY=VALUE...: ignores unknown keys, which may be from a later version
accept() {
    for argument; do
        value=${argument#*=}
        case $argument in
        shim=*) shim=$value ;;
        parent=*) parent=$value ;;
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
        table=*[!0-9]*) ;;
        table=*) table=$value ;;
        router=*[!0-9.]* | gateway=*[!0-9a-fA-F.:]* | ask=*[!0-9a-fA-F.:]*) ;;
        router=*) router=$value ;;
        gateway=*) gateway=$value ;;
        ask=*) asks="$asks $value" ;;
        esac
    done
}

# recorded_value KEY: of the last run, because the site may say otherwise by now
recorded_value() {
    say "$confs" | while read -r path; do
        [ ! -f "$path" ] || tr -d '\r' <"$path" |
            sed -n -e '1{/macvlan-ipv6/!q;}' -e "s/^$1 \\([A-Za-z0-9][A-Za-z0-9_.-]*\\)\$/\\1/p"
    done | sed 1q
}

# recorded_addresses: of the containers of the last run, one a line
recorded_addresses() {
    say "$confs" | while read -r path; do
        [ ! -f "$path" ] || tr -d '\r' <"$path" | awk 'NR == 1 && !/macvlan-ipv6/ { exit }
            $1 == "container" { for (i = 3; i <= NF; i++) if (i != 5 && $i ~ /[.:]/) print $i }'
    done
}

find_tools() {
    find_ip
    find_limit TERM # which sudo hands on
    find_ping6
    uid=$(id -u)
    root='' # what makes a command root's
    if [ "$uid" != 0 ] && [ -z "$sudo" ] && has sudo; then
        sudo=asks
        ! limited 20 sudo -n true </dev/null >/dev/null 2>&1 || sudo='yes' root='sudo -n'
    fi
    on_path=no docker='' wrapper=''
    # shellcheck disable=SC2046 # a folder is one word
    for place in $(say "$own_path" | tr : '\n') $places; do
        if [ ! -x "$place/docker" ] || [ -d "$place/docker" ]; then continue; fi
        case :$own_path: in *":$place:"*) on_path=yes ;; esac
        if ! is_marked "$place/docker" 2>/dev/null; then
            docker=$place/docker
            break
        fi
        wrapper=${wrapper:-$place/docker}
    done
}

# Runs docker's client, as root if that is needed. To be called in a subshell, which it replaces
# shellcheck disable=SC2086 # words
ask_docker() { exec ${limit:+$limit 20} $as "$docker" "$@"; }
