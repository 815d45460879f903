# Given to the NAS as the remote command itself: sh -c 'this' sh apply|remove; the bundle (install/files.py) is on stdin.
# The work is done in the background, so that it survives the connection; the foreground only waits and tells.
umask 077
d=$(mktemp -d) && true >"$d/.out" && true >"$d/.err" && exec 3<&0 4<"$d/.out" 5<"$d/.err" || exit 1
(
    trap 'rm -rf "$d"' EXIT && trap 'exit 1' HUP INT TERM
    (cd "$d" && awk '
        /^> [A-Za-z0-9_][A-Za-z0-9._-]*$/ && !done { if (name) close(name); name = substr($0, 3); printf "" > name; next }
        /^\|/ && name && !done { print substr($0, 2) > name; next }
        $0 == "end" && !done { done = 1; next }
        { bad = 1; exit }
        END { exit bad || !done }') || { echo "the bundle did not arrive whole: nothing was changed; run it again" >&2; exit 1; }
    # Ignored signals would stay ignored in all that install.sh starts, also in a loop that is to last
    if command -v setsid >/dev/null; then trap : HUP INT TERM PIPE && s=setsid; else trap '' HUP INT TERM PIPE && s='env'; fi
    "$s" sh "$d/install.sh" "$1" "$d" </dev/null
) <&3 >"$d/.out" 2>"$d/.err" 3<&- 4<&- 5<&- &
wait $!; code=$?; cat <&4; cat <&5 >&2; exit $code
