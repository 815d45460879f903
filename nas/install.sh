#!/bin/sh
# install.sh apply|remove DIR: puts the files of DIR/manifest where they belong and brings the loop up, or takes
# everything away again. Each file is replaced in one step. A file made by hand is first kept as FILE.before-macvlan-ipv6.
# When the new state does not come up, or cuts off a container or the person's own ssh, the old one is put back.
#   DIR/manifest   lines MODE DEST NAME: file DIR/NAME goes to DEST with octal mode MODE
#   DIR/settings   lines KEY VALUE: program, conf (paths); hook systemd|rc.d|task, what starts the loop at boot; of
#                  systemd and rc.d hook_file (path), of systemd wanted_by UNIT, of task the NAME of one of DSM's task
#                  scheduler; if wanted on_destroy keep|restore (the files made by hand), foreign_network ID (made by
#                  somebody else under our name), replaced_container ID (one line each: of ours by another state, which
#                  pulumi makes anew), network NAME, docker_folder (of docker's client, not on PATH)
# Prints one line, the same for the same state, or one that says what failed and how the NAS was left. POSIX sh;
# runs as root on the NAS; data is parsed, never evaluated.
set -uf
LC_ALL=C PATH=$PATH:/usr/sbin:/sbin:/usr/local/bin:/usr/syno/bin
export LC_ALL PATH
mark=.made_by_setup_docker_macvlan # in directories made here, so that remove takes those and no other
kept=.before-macvlan-ipv6
for ip in /sbin/ip /usr/sbin/ip /bin/ip /usr/bin/ip; do [ ! -x $ip ] || break; done
ping6='ping -6'
! command -v ping6 >/dev/null || ping6=ping6

say() { printf '%s\n' "$*"; }
die() { say "install.sh: $*" >&2 && exit 1; }
refuse() { die "nothing was changed: $*"; }
now() { read -r up _ </proc/uptime && say "${up%%.*}"; }

# Nothing here may hang. KILL, because unpack.sh makes TERM ignored; before 2018 busybox wrote -t
limit=''
for try in 'timeout -s KILL -t' 'timeout -s KILL'; do ! $try 10 true 2>/dev/null || limit=$try; done
limited() { # SECONDS COMMAND...
    if [ -n "$limit" ]; then
        $limit "$@"
    else
        shift
        "$@"
    fi
}
asked() { limited 20 docker "$@" 2>"$dir/said"; }
control() { limited 40 systemctl "$@"; }
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
        esac || refuse "settings: '$value' will not do for $key"
    done <"$dir/settings"
    [ -n "$program" ] && [ -n "$conf" ] && [ -n "$hook" ] || refuse "settings: program, conf and hook are all needed"
    case $hook,$hook_file,$wanted_by,$task in
    systemd,?*,?*, | rc.d,?*,, | task,,,?*) ;;
    *) refuse "settings: the hook $hook has not what it needs" ;;
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
    case $(control show -p LoadState "$wanted_by" 2>&1) in
    LoadState=loaded) ;;
    *) refuse "docker's unit $wanted_by is not known here; docker-like units: $(control --no-legend --no-pager \
        list-unit-files 2>/dev/null | awk '$1 ~ /[dD]ocker.*service$/ { printf "%s ", $1 }')" ;;
    esac
}

# A change whose connection broke may still be at work. A lock whose holder is gone is nobody's.
lock() {
    lock=${MACVLAN_RUN:-/run}/macvlan-ipv6.install.lock waited=0
    until ln -s $$ "$lock" 2>/dev/null; do
        holder=$(readlink "$lock")
        [ $((waited += 1)) -le 60 ] || refuse "another change (process $holder) has been at work for a minute"
        case $(tr '\0' ' ' 2>/dev/null <"/proc/$holder/cmdline") in *install.sh*) sleep 1 ;; *) rm -f "$lock" ;; esac
    done
    trap 'rm -f "$lock"' EXIT
}

# ---- a network in the way ----------------------------------------------------------------------------------
# remove_stray: the one that somebody made under our name, with that ID only, and only when none but ours are in it
remove_stray() {
    gone=''
    [ -n "$stray" ] || return 0
    label='{{.Label "macvlan-ipv6.addresses"}}' it="the network $network ($stray) is in the way"
    if ! named=$(asked network inspect --format '{{.Name}}' "$stray"); then
        ! grep -qi 'no such network\|network .* not found' "$dir/said" || return 0
        refuse "$it, and docker does not tell about it: $(error)"
    fi
    [ "$named" = "$network" ] || return 0
    holders=$(asked ps -a --no-trunc --filter "network=$stray" --format "{{.ID}} {{.Names}} $label") ||
        refuse "$it, and docker does not tell who is in it: $(error)"
    others=$(say "$holders" | awk 'NF == 2 { printf " %s", $2 }')
    [ -z "$others" ] || refuse "$it, and not only containers of ours are in it; disconnect or remove:$others"
    for id in $(say "$holders" | awk '{ print $1 }'); do
        asked network disconnect -f "$stray" "$id" >/dev/null ||
            die "$it, and container $id does not leave it: $(error); nothing else was changed"
    done
    asked network rm "$stray" >/dev/null ||
        die "$it, and docker does not remove it: $(error); our containers were taken out of it, nothing else was changed"
    gone="; the network $network ($stray) that was in the way is removed"
}

# Containers of another state, whose names and addresses pulumi needs for its own: by their ids, and only ours. Volumes
# stay. Last of all, when the rest is known to work.
remove_replaced() {
    form='{{with index .Config.Labels "macvlan-ipv6.addresses"}}ours{{end}}' ours=''
    for id in $replaced; do
        [ "$(asked inspect --type container --format "$form" "$id")" != ours ] || ours="$ours $id"
    done
    # All at once, so that each has the time to write down what it has in hand; `rm -f` gives none
    # shellcheck disable=SC2086 # ids
    [ -z "$ours" ] || limited 60 docker stop $ours >/dev/null 2>&1
    for id in $ours; do
        asked rm -f "$id" >/dev/null || die "container $id of another state could not be removed: $(error); the rest is done"
    done
}

# ---- files -------------------------------------------------------------------------------------------------
by_hand() { [ -s "$1" ] && ! sed 3q "$1" | grep -qw macvlan-ipv6; }
is_changed() { case $changed in *" $1 "*) ;; *) return 1 ;; esac; }

make_parents() {
    [ -d "$1" ] || { make_parents "${1%/*}" && mkdir "$1" && chmod 755 "$1" && true >"$1/$mark"; }
}

drop_parents() {
    [ -e "$1/$mark" ] && [ "$(ls -A "$1")" = "$mark" ] || return 0
    rm "$1/$mark" && rmdir "$1" && drop_parents "${1%/*}"
}

# put FILE DEST MODE: in one step, so that nobody ever sees half a file
put() {
    make_parents "${2%/*}" && cp "$1" "$2.new" && chmod "$3" "$2.new" && mv -f "$2.new" "$2" && return
    rm -f "$2.new"
    return 1
}

take_away() { rm -f "$1" "$1.new" "$1$kept.new" && drop_parents "${1%/*}"; }

# What was made by hand: each file once; first the unit, and before it whether it was enabled and active
keep() {
    for dest in $hook_file $paths; do
        by_hand "$dest" && [ ! -e "$dest$kept" ] || continue
        why="cannot write $dest$kept" backups="$backups $dest"
        rm -f "$dest$kept.enabled" "$dest$kept.active"
        if [ "$dest" = "$hook_file" ]; then
            [ -z "$was_enabled" ] || true >"$dest$kept.enabled" || return 1
            [ -z "$was_active" ] || true >"$dest$kept.active" || return 1
        fi
        cp -pP "$dest" "$dest$kept.new" && mv -f "$dest$kept.new" "$dest$kept" || return 1
    done
}

write_files() { # sets $changed to the DESTs that differ
    while read -r mode dest name; do
        [ -n "$mode" ] || continue
        if cmp -s "$dir/$name" "$dest" && [ -n "$(find "$dest" -perm "$mode")" ]; then continue; fi
        why="cannot write $dest"
        [ ! -e "$dest" ] || cp -pP "$dest" "$dir/old.$name" || return 1
        changed="$changed$dest "
        put "$dir/$name" "$dest" "$mode" || return 1
    done <<END
$files
END
}

put_back() { # sets $found when there was anything before
    found='' failed=''
    while read -r mode dest name; do
        is_changed "$dest" || continue
        if [ -e "$dir/old.$name" ] || [ -L "$dir/old.$name" ]; then
            found=y
            cp -pP "$dir/old.$name" "$dest.new" && mv -f "$dest.new" "$dest"
        else
            take_away "$dest"
        fi || failed=y
    done <<END
$files
END
    for dest in $backups; do rm -f "$dest$kept" "$dest$kept.enabled" "$dest$kept.active"; done
    [ -z "$failed" ]
}

# ---- what starts the loop ----------------------------------------------------------------------------------
last_words() {
    [ "$hook" = systemd ] || return 0
    words=$(limited 10 journalctl -u "$unit_name" -n 30 -o cat --no-pager 2>/dev/null |
        grep "^${program##*/}: \|^ip: " | tail -n 1)
    say "${words:+ ($words)}"
}

# The loop takes a new conf or program in place (HUP); of a new unit only its restart knows (USR2: the loop leaves the
# link and ends, systemd starts it by the new unit). The link stays in both cases. A unit made by hand has no loop.
bring_unit_up() {
    # systemd may not know of a change yet: an apply may have been cut off
    renewed=y
    is_changed "$hook_file" || case $(control show -p NeedDaemonReload "$unit_name") in *=yes) ;; *) renewed='' ;; esac
    if [ -n "$renewed" ]; then control daemon-reload && control reenable "$unit_name" || return 1; fi
    # After a take-over that was cut off it may be enabled for another unit than docker's
    case $(control show -p WantedBy "$unit_name") in *"$wanted_by"*) ;; *) control reenable "$unit_name" || return 1 ;; esac
    control -q is-enabled "$unit_name" || control enable "$unit_name" || return 1
    if ! control -q is-active "$unit_name"; then
        control reset-failed "$unit_name"
        control start "$unit_name"
    elif [ "$(control show -p MainPID "$unit_name")" = MainPID=0 ]; then
        control restart "$unit_name"
    elif [ -n "$renewed" ]; then
        control kill --kill-who=main -s USR2 "$unit_name"
    elif [ "$changed" != ' ' ] || ! "$program" status --brief "$conf"; then
        control reload "$unit_name"
    fi
}

# Where systemd does not keep the loop, the program does
bring_up() {
    case $hook in
    systemd) bring_unit_up ;;
    task) task_up && bring_loop_up ;;
    *) bring_loop_up ;;
    esac
}

bring_loop_up() {
    { runs && [ "$changed" = ' ' ] && "$program" status --brief "$conf"; } || "$program" up "$conf"
}

runs() {
    if [ "$hook" = systemd ]; then
        control -q is-active "$unit_name"
    else
        read -r pid <"${MACVLAN_RUN:-/run}/${program##*/}.$shim.pid" && kill -0 "$pid"
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
    script="$program up $conf" there=$(scheduler get) method=create
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
    task) say "loop running, started at boot by the task $task${by_hand:+, which is yours to make: \`pulumi stack output\` says how}" ;;
    esac
}

# Up to 20 s: the loop was told to correct things, and may be busy with another correction
comes_up() {
    tries=0
    bring_up >/dev/null 2>&1 || { why="${unit_name:-the loop} did not start$(last_words)" && return 1; }
    until why=$("$program" status --brief "$conf" 2>&1) && runs; do
        [ $((tries += 1)) -le 20 ] || { why="$why$(last_words)" && return 1; }
        sleep 1
    done
    summary=$why
}

take_down() {
    case $hook in
    systemd)
        control stop "$unit_name"
        control disable "$unit_name"
        ;;
    task) ! command -v synowebapi || scheduler delete ;;
    esac >/dev/null 2>&1
    said=$(sh "$new_program" down "$new_conf" 2>&1) || { why="the link could not be removed: $said" && return 1; }
}

# wake ENABLED ACTIVE: the unit or script made by hand, as it was
wake() {
    case $hook in
    rc.d) [ -z "$2" ] || limited 40 "$hook_file" start >/dev/null 2>&1 </dev/null || return ;;
    esac
    [ "$hook" = systemd ] || return 0
    control daemon-reload 2>/dev/null
    control reset-failed "$unit_name" 2>/dev/null
    [ -z "$1" ] || control enable "$unit_name" 2>/dev/null
    [ -z "$2" ] || control start "$unit_name" 2>/dev/null
}

# ---- what must not be lost by a change ---------------------------------------------------------------------
answers() {
    case $1 in *:*) ping=$ping6 ;; *) ping=ping ;; esac
    # shellcheck disable=SC2086 # may be two words
    $ping -c 1 -w 2 -W 2 -q "$1" >/dev/null 2>&1
}

# way ADDRESS: sets $way to where packets to it go
way() {
    case " $($ip route get "$1" 2>/dev/null) " in
    *" local "*) way="on this NAS itself" ;;
    *" dev $shim "*) way="behind the shim $shim" ;;
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
        ! control -q is-enabled "$unit_name" 2>/dev/null || was_enabled=y
        ! control -q is-active "$unit_name" || was_active=y
    else
        was='by hand' was_active=$was_link
    fi
    limited 20 sh "$new_program" reached "$new_conf" >"$dir/before" 2>/dev/null
    client=${SSH_CLIENT:-} client_answers=''
    client=${client%% *}
    case $client in *[!0-9a-fA-F.:]*) client='' ;; esac # fe80::1%eth0 is on the link itself
    [ -n "$client" ] || return 0
    way "$client" && way_before=$way
    ! answers "$client" || client_answers=y
}

# Up to 10 s. A container that docker does not have there any more is no loss of ours.
still_reached() {
    grep -q ' yes$' "$dir/before" || return 0
    end=$(($(now) + 10)) why="docker does not tell any more which containers run"
    while :; do
        if limited 20 sh "$new_program" reached "$new_conf" >"$dir/after" 2>/dev/null; then
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
    whose="$client, where your ssh comes from,"
    way "$client"
    case $way in outside | "$way_before") ;; *) why="$whose would be looked for $way" && return 1 ;; esac
    end=$(($(now) + 5)) why="$whose answered before the change and does not any more"
    until [ -z "$client_answers" ] || answers "$client"; do [ "$(now)" -lt $end ] || return 1; done
}

# ---- the two commands --------------------------------------------------------------------------------------
apply() {
    check_machine
    said=$(sh "$new_program" check "$new_conf" 2>&1) || refuse "${said##*"$dir/"}"
    remove_stray
    look_before
    { keep && write_files; } 2>"$dir/said" || undo "$why: $(error)"
    { comes_up && still_logged_in && still_reached; } || undo "$why"
    remove_replaced
    say "$summary; $(started_by)"
}

undo() { # WHY
    [ "$was" = ours ] || ! is_changed "${hook_file:-$program}" || take_down || die "$1; and then: $why$gone"
    put_back 2>"$dir/said" || die "$1; and the previous files could not be put back: $(error)$gone"
    state="the previous state was put back"
    if [ "$was" = ours ]; then
        comes_up || state="the previous files were put back, but: $why"
    else
        [ -n "$found" ] || state="everything was taken away again"
        wake "$was_enabled" "$was_active" || state="the previous files were put back, but their unit does not start"
        [ -z "$was_link" ] || $ip link show dev "$shim" >/dev/null 2>&1 ||
            state="$state; only the link $shim is gone, which no unit had made"
    fi
    die "$1; $state$gone"
}

remove() {
    # A unit made by hand in the place of ours has the link now
    { [ -n "$hook_file" ] && by_hand "$hook_file"; } || take_down || die "$why; the loop is stopped, the files are still there"
    told='' enabled='' active=''
    for dest in $paths; do
        if by_hand "$dest"; then continue; fi
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
    wake "$enabled" "$active" || told="$told, but its unit does not start"
    [ -e "$hook_file$kept" ] || rm -f "$hook_file$kept.enabled" "$hook_file$kept.active"
    say "removed: link, unit and files$told"
}

[ $# -eq 2 ] && [ -f "$2/settings" ] && [ -f "$2/manifest" ] || die "usage: install.sh apply|remove DIR"
case $1 in apply | remove) ;; *) die "usage: install.sh apply|remove DIR" ;; esac
dir=$2
read_settings
read_manifest
shim=$(sed -n 's/^shim \([^ ]*\).*/\1/p' "$new_conf")
lock
"$1"
