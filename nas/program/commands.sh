# The command line.
main() {
    find_ip
    find_limit KILL # TERM may be ignored here
    find_ping6
    command=${1:-} format=table
    [ $# -eq 0 ] || shift
    case ${1:-} in --json | --brief) format=${1#--} && shift ;; esac
    conf=${1:-/etc/setup_docker_macvlan.conf}
    case $command:$conf in *:-* | :*) say "$usage" >&2 && exit 2 ;; esac
    case $command in
    start | stop | status | watch | check | reachability | poststop | boot | start-loop | stop-loop | supervise | routing | release | withdraw) ;;
    # Names from before the first release: boot tasks use them, and so does an older install.sh that puts its files back
    up) command=start-loop ;;
    down) command=stop-loop ;;
    keep) command=supervise ;;
    reached) command=reachability ;;
    *) say "$usage" >&2 && exit 2 ;;
    esac
    [ "$ip" != false ] || die "there is no ip command in /sbin or /usr/sbin: install iproute2"
    load_conf
    case $command in
    start) start || die "start failed: $why" ;;
    boot) { await_parent && start; } || die "start failed: $why" ;;
    stop) stop ;;
    start-loop) start_loop ;;
    stop-loop) stop_loop ;;
    supervise) supervise ;;
    status) status "$format" ;;
    check) { check_parent && check_table "${2:-}"; } || die "$conf: $why" ;;
    reachability) reachability ;;
    routing) routing ;;
    release) release ;;
    withdraw) withdraw "${2:-}" ;;
    watch) watch "${2:-}" ;;
    poststop) poststop "${2:-$me}" ;;
    esac
}
main "$@"
