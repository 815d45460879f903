# The record of what arrange.sh, which is behind this, changes in a container. It goes by $process (PID STARTED), $number of the
# interface, $record (the file) and $ip. Nothing of a container is evaluated.

# The lines of this process. Some shells read a file byte by byte, and the record may be long: so it is read once, by sed
recall() {
    known="$(sed -n "s/^$process / /p; 8192q" "$record")
"
    # shellcheck disable=SC2086 # words
    set -- $known
    lines=$(($# / 3))
}

# Nothing can be taken back of an interface that is gone, as after each `docker network disconnect`
forget_gone() {
    there=" $("$ip" -o link show | sed "512q; s/:.*//" | tr "\n" " ")" gone=
    # shellcheck disable=SC2086 # words
    set -- $known
    while [ $# -ge 3 ]; do
        case $there in *" $1 "*) ;; *) gone="$gone/^$process $1 /d;" && there="$there$1 " ;; esac
        shift 3
    done
    [ -n "$gone" ] && (umask 077 && sed "$gone" "$record" >"$record.new") && mv -f "$record.new" "$record"
}

# note WHAT BEFORE: writes that down, once. What cannot be written down may not be changed. Lines of one process have a
# bound, because a container can make interfaces for ever
note() {
    case $1,$known in
    address,*" $number $1 $2
"*) return 0 ;;
    address,*) ;;
    *,*" $number $1 "*) return 0 ;;
    esac
    if [ "$lines" -ge 64 ] || ! echo "$process $number $1 $2" >>"$record"; then
        [ -n "$unwritten" ] || echo "is not changed any further, because it cannot be written down what was before"
        unwritten=y
        return 1
    fi
    lines=$((lines + 1)) known="$known $number $1 $2
"
}
