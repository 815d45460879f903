# limited SECONDS COMMAND...: ends a command that hangs, where this system has `timeout`.
# find_limit SIGNAL comes first. Busybox before 2018 wrote `timeout -t SECONDS`.
find_limit() {
    limit=''
    for try in "timeout -s $1 -t" "timeout -s $1"; do ! $try 10 true 2>/dev/null || limit=$try; done
}

limited() {
    if [ -n "$limit" ]; then
        $limit "$@"
    else
        shift
        "$@"
    fi
}
