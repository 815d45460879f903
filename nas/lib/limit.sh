# limited SECONDS COMMAND...: runs the command and ends it if it hangs. Without `timeout` on the NAS there is no limit.
# Call find_limit SIGNAL first. Busybox before 2018 has `timeout -t SECONDS`.
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
