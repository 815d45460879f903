# What is installed: our files, the loop, units, sshd and its keys, what people made by hand.
report_files() {
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
        [ ! -e "$path@KEPT@" ] || say "backup $path"
    done
}

report_conf() {
    say "$confs" | while read -r path; do
        [ ! -f "$path" ] || { say "file $path" && quoted <"$path"; }
    done
}

# Data files of other installations of this program, beside those that were asked for: at most 20, and 64 KiB of each
report_others() {
    say "$confs" | sed -n 's|/[^/]*$||p' | sort -u | while read -r folder; do
        for path in "$folder"/setup_docker_macvlan*.conf; do
            case $NL$confs in *"$NL$path$NL"*) continue ;; esac
            [ -f "$path" ] && is_marked "$path" && say "$path"
        done
    done | sed 20q | while read -r path; do
        say "file $path"
        head -c 65536 "$path" | quoted
    done
}

# The loop of a NAS without systemd, and the boot task that starts it
report_loop() {
    say "$programs" | while read -r path; do
        if [ -z "$path" ] || ! stored_process /run/"${path##*/}.$shim.pid"; then continue; fi
        # A user who is not root does not see root's namespaces, and keep is from before the first release
        if still_runs "$stored"; then
            case $(tr '\0' ' ' <"/proc/${stored%%.*}/cmdline") in
            *"/${path##*/} supervise "* | *"/${path##*/} keep "*) say "loop ${stored%%.*}" ;;
            esac
        fi
    done
    if [ -z "$task" ] || ! has synowebapi || [ "$uid$root" = "$uid" ] && [ "$uid" != 0 ]; then return; fi
    # shellcheck disable=SC2086 # words
    case $(limited 20 $root "$(command -v synowebapi)" -s --exec api=SYNO.Core.EventScheduler version=1 method=get \
        task_name="\"$task\"" | tr -d ' \t\n') in
    *'"success":true'*) say 'task yes' ;;
    *'"success":false'*) say 'task no' ;;
    esac
}

report_units() {
    names=' '
    for unit in $units $(limited 20 systemctl --no-legend --no-pager list-unit-files |
        awk '$1 ~ /^[A-Za-z0-9_.@:-]*ocker[A-Za-z0-9_.@:-]*\.service$/ && $1 !~ /@\./ { print $1 }'); do
        case $names in *" $unit "*) ;; *) names="$names$unit " ;; esac
    done
    # shellcheck disable=SC2086 # a unit is one word
    limited 20 systemctl show -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p FragmentPath \
        -p NeedDaemonReload -p MainPID -p Type -- $names
}

# sshd's settings as it prints them, or else from its files. Of several lines the first one counts, and drop-ins are
# included at the top
ask_sshd() {
    # shellcheck disable=SC2086 # words
    sshd=$(command -v sshd) && limited 20 $root "$sshd" -T && return
    for file in /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config; do
        [ ! -r "$file" ] || awk '{ gsub(/[="]/, " "); k = tolower($1) } k == "match" { exit } { print k, $2 }' "$file"
    done
}

report_sshd() {
    settings=$(ask_sshd)
    say "$settings" | awk '$1 ~ /^(maxsessions|maxstartups|allowtcpforwarding)$/ && !seen[$1]++ { print $1, $2 }'
}

# The keys that sshd offers, which need not be all that exist. An RSA key has newer names, too.
report_host_keys() {
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

report_leftovers() {
    for file in /usr/local/etc/rc.d/* /etc/rc.local /etc/init.d/* /etc/systemd/system/*.service \
        /usr/local/lib/systemd/system/*.service /etc/network/interfaces /etc/network/interfaces.d/* /etc/crontab \
        /boot/config/go /etc/NetworkManager/system-connections/* /etc/systemd/network/*; do
        [ ! -f "$file" ] || set -- "$@" "$file" # no pipe, which would never end
    done
    [ $# -eq 0 ] || grep -l macvlan "$@" | while read -r file; do
        is_marked "$file" || say "mentions $file"
    done
}
