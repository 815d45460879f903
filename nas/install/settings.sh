# The installer: what it does, and its settings.
# install.sh apply|remove DIR: puts the files of DIR/manifest where they belong and starts the loop, or removes
# everything again. Each file is replaced in one step. A file made by hand is first kept as FILE.before-macvlan-ipv6.
# If the new state does not start, or cuts off a container or the person's own ssh, the old one is put back.
#   DIR/manifest   lines MODE DEST NAME: file DIR/NAME goes to DEST with octal mode MODE
#   DIR/settings   lines KEY VALUE: program, conf (paths); hook systemd|rc.d|task, what starts the loop at boot; of
#                  systemd and rc.d hook_file (path), of systemd wanted_by UNIT, of task the NAME of one of DSM's task
#                  scheduler; if wanted on_destroy keep|restore (the files made by hand), foreign_network ID (made by
#                  another program under our name), replaced_container ID (one line each: ours, made by another state,
#                  which pulumi recreates), network NAME, docker_folder (of docker's client, not on PATH)
# Prints one line, the same for the same state, or one that says what failed and how the NAS was left. POSIX sh;
# runs as root on the NAS; data is parsed, never evaluated.
set -uf
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin:/usr/local/bin:/usr/syno/bin
export LC_ALL PATH
mark=.made_by_setup_docker_macvlan # in directories made here, so that remove takes those and no other
kept=@KEPT@
me=install.sh

refuse() { die "nothing was changed: $*"; }
now() { read -r up _ </proc/uptime && say "${up%%.*}"; }

# Nothing here may hang.
docker_limited() { limited 20 docker "$@" 2>"$dir/said"; }
systemctl_limited() { limited 40 systemctl "$@"; }
error() { sed 1q "$dir/said"; }

# ---- what is wanted ----------------------------------------------------------------------------------------
is_path() { case $1 in *[!A-Za-z0-9_./@:-]* | */../* | */.. | */ | *//*) return 1 ;; /?*) ;; *) return 1 ;; esac; }
is_word() { case $1 in '' | *[!A-Za-z0-9_.@:-]* | [.-]*) return 1 ;; esac; }
is_id() { case $1 in *[!0-9a-f]*) return 1 ;; ????????????*) [ ${#1} -le 64 ] ;; *) return 1 ;; esac; }

read_settings() {
    program='' conf='' hook='' hook_file='' unit_name='' wanted_by='' task='' network='' stray='' replaced='' on_destroy=keep
    while read -r key value; do
        case $key in
        program) is_path "$value" && program=$value ;;
        conf) is_path "$value" && conf=$value ;;
        hook) case $value in systemd | rc.d | task) hook=$value ;; *) false ;; esac ;;
        hook_file) is_path "$value" && hook_file=$value && unit_name=${value##*/} ;;
        wanted_by) is_word "$value" && wanted_by=$value ;;
        task) is_word "$value" && task=$value ;;
        network) is_word "$value" && network=$value ;;
        docker_folder) is_path "$value" && [ "${value#*:}" = "$value" ] && PATH=$PATH:$value ;;
        foreign_network) is_id "$value" && stray=$value ;;
        replaced_container) is_id "$value" && replaced="$replaced $value" ;;
        on_destroy) case $value in keep | restore) on_destroy=$value ;; *) false ;; esac ;;
        *) refuse "settings: unknown key '$key'" ;;
        esac || refuse "settings: '$value' is not a valid value for $key"
    done <"$dir/settings"
    [ -n "$program" ] && [ -n "$conf" ] && [ -n "$hook" ] || refuse "settings: program, conf and hook are all needed"
    case $hook in
    systemd) needed='hook_file and wanted_by are' ;;
    rc.d) needed='hook_file is' ;;
    task) needed='task is' ;;
    esac
    case $hook,$hook_file,$wanted_by,$task in
    systemd,?*,?*, | rc.d,?*,, | task,,,?*) ;;
    *) refuse "settings: hook $hook: exactly $needed required" ;;
    esac
    [ -z "$stray" ] || [ -n "$network" ] || refuse "settings: foreign_network needs network"
}

read_manifest() {
    new_program='' new_conf='' new_hook='' files='' paths=''
    while read -r mode dest name; do
        case $mode in 0[0-7][0-7][0-7]) ;; *) refuse "manifest: mode '$mode' is not like 0755" ;; esac
        is_path "$dest" || refuse "manifest: '$dest' is no plain absolute path"
        is_word "$name" && [ -f "$dir/$name" ] || refuse "manifest: no file '$name' in the bundle"
        [ ! -d "$dest" ] || refuse "$dest is a directory on this NAS: move it away"
        case $dest in
        "$program") new_program=$dir/new/${program##*/} && mkdir -p "$dir/new" && cp "$dir/$name" "$new_program" ;;
        "$conf") new_conf=$dir/$name ;;
        "$hook_file") new_hook=$dir/$name ;;
        esac
        paths="$paths $dest" files="$files$mode $dest $name
"
    done <"$dir/manifest"
    [ -n "$new_program" ] && [ -n "$new_conf" ] && [ "${hook_file:+y}" = "${new_hook:+y}" ] ||
        refuse "manifest: program, conf and hook_file of settings must be in it"
}

check_machine() {
    [ "$(id -u)" = 0 ] || refuse "must run as root on the NAS (as $(id -un) it cannot write ${program%/*})"
    [ "$hook" = systemd ] || return 0
    command -v systemctl >/dev/null || refuse "no systemctl here: this NAS does not run systemd"
    case $(systemctl_limited show -p LoadState "$wanted_by" 2>&1) in
    LoadState=loaded) ;;
    *) refuse "docker's unit $wanted_by is not known here; docker-like units: $(systemctl_limited --no-legend --no-pager \
        list-unit-files 2>/dev/null | awk '$1 ~ /[dD]ocker.*service$/ { printf "%s ", $1 }')" ;;
    esac
}

# A change whose connection broke may still be at work.
lock() {
    take_lock "${MACVLAN_RUN:-/run}/macvlan-ipv6.install.lock" 60 || refuse "another change is under way: $why"
    trap unlock EXIT
}
