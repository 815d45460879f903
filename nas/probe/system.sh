# The user, the system, its links, addresses, routes and sysctls.
report_user() {
    say "uid $uid" "name $(id -un)" "groups $(id -Gn)"
    [ -z "${SSH_CLIENT:-}" ] || say "client ${SSH_CLIENT%% *}"
    [ "$uid" = 0 ] || [ -z "$sudo" ] || say "sudo $sudo"
}

report_system() {
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

report_tools() {
    [ "$ip" = false ] || say 'tool ip' "ip_version $($ip -V)"
    [ -z "$docker" ] || say 'tool docker'
    for tool in systemctl nsenter ping ping6 sha256sum modprobe timeout setsid sudo synowebapi synosystemctl; do
        ! has $tool || say "tool $tool"
    done
    case $($ip -j link show lo) in '['*) say 'ip_json yes' ;; *) say 'ip_json no' ;; esac
    if $ip -batch -; then say 'ip_batch yes'; else say 'ip_batch no'; fi
    if [ -d /usr/local/etc/rc.d ]; then say 'rcd yes'; else say 'rcd no'; fi
}

report_macvlan() {
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

report_links() {
    $ip -d -o link show
    for link in /sys/class/net/*; do
        if [ -e "$link/wireless" ] || [ -e "$link/phy80211" ]; then say "wireless ${link##*/}"; fi
    done
}

report_addresses() { $ip -o addr show; }

report_routes() {
    for family in 4 6; do $ip -$family route show default | sed "s/^/$family /"; done
    [ -n "$shim" ] || return 0
    for family in 4 6; do $ip -$family route show table all dev "$shim" | sed "s/^/shim$family /; 2048q"; done
}

SHIM_SYSCTLS='@SHIM_SYSCTLS@'
report_sysctls() {
    [ -n "$shim" ] || return 0
    for item in $SHIM_SYSCTLS; do
        key=${item%=*}
        file=/proc/sys/net/${key%/*}/conf/$shim/${key#*/}
        [ ! -r "$file" ] || say "${key#*/} $(cat "$file")"
    done
}
