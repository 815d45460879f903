# Which process a number belongs to. Once a process has ended, the kernel gives its number to another one, and a process in
# a container may have any name. So a number is stored with the starting time of its process.

# started PID: sets $started to the process's starting time, in clock ticks since the system's start (proc_pid_stat(5))
started() {
    read -r started 2>/dev/null <"/proc/$1/stat" || return 1
    # shellcheck disable=SC2086 # words; the name before them may have any character
    set -- ${started##*) }
    started=${20:-}
    [ -n "$started" ]
}

# Sets $self to what identifies this process: NUMBER.STARTED
# shellcheck disable=SC2034 # used by the scripts that this is a part of
identify() { started $$ && self=$$.$started; }

same_owner() {
    mine='' theirs=''
    while read -r word uid _; do [ "$word" != Uid: ] || mine=$uid; done 2>/dev/null <"/proc/$$/status"
    while read -r word uid _; do [ "$word" != Uid: ] || theirs=$uid; done 2>/dev/null <"/proc/$1/status"
    [ -n "$mine" ] && [ "$mine" = "$theirs" ]
}

# is_process NUMBER[.STARTED] WORDS: whether that is another process of this user's, in the same process namespace, that has
# run since STARTED, and whose command line has `/WORDS`. Versions before 2026-11-28 stored no STARTED.
is_process() {
    case $1 in *[!0-9.]* | '' | .* | "$$" | $$.*) return 1 ;; esac
    started "${1%%.*}" || return 1
    case $1 in *.*) [ "$started" = "${1#*.}" ] || return 1 ;; esac
    same_owner "${1%%.*}" || return 1
    [ "$(readlink "/proc/${1%%.*}/ns/pid")" = "$(readlink "/proc/$$/ns/pid")" ] || return 1
    case " $(tr '\0' ' ' 2>/dev/null <"/proc/${1%%.*}/cmdline")" in *[\ /]"$2 "*) ;; *) return 1 ;; esac
}

# is_supervisor NUMBER[.STARTED] SCRIPT: whether that process supervises the loop of the program of that name. keep: from
# before the first release
is_supervisor() { is_process "$1" "$2 supervise" || is_process "$1" "$2 keep"; }

# still_runs NUMBER[.STARTED]: whether that very process is there. Starts no process, unlike is_process.
still_runs() { started "${1%%.*}" && case $1 in *.*) [ "$started" = "${1#*.}" ] ;; esac; }

# stored_process FILE: sets $stored to what is_process takes. The number is alone in the first line, because that is what a
# version from before 2026-11-28 reads, which may be put back; STARTED is in the second one.
stored_process() {
    stored='' time=''
    { read -r stored && read -r time; } 2>/dev/null <"$1"
    stored=$stored${time:+.$time}
    [ -n "$stored" ]
}
