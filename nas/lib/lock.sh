# One process at a time.

# is_ours PID: whether that process runs this script, and is another one than this.
is_ours() { [ "$1" != $$ ] && case $(tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline") in *"$me"*) ;; *) return 1 ;; esac; }

# take_lock FILE SECONDS: sets $lock; fails with $why when another process holds it for longer. The lock is a link to the
# holder's process number. A holder that was killed, or ended with the system, leaves it behind: where that process runs
# another program or none, the lock is taken away. Only who makes FILE.gone may do that, and only after a second look:
# two contenders that both found the dead holder would otherwise remove each other's new lock.
take_lock() {
    lock=$1 waited=0
    until said=$(ln -s $$ "$lock" 2>&1); do
        holder=$(readlink "$lock") || holder=''
        if [ -n "$holder" ] && ! is_ours "$holder" && mkdir "$lock.gone" 2>/dev/null; then
            [ "$(readlink "$lock")" != "$holder" ] || rm -f "$lock"
            rmdir "$lock.gone"
        elif [ -z "$holder" ] && [ $((waited += 7)) -gt "$2" ]; then
            why="cannot lock ($said): only root can, and while ${lock%/*} is writable and not full" && return 1
        elif [ $((waited += 1)) -gt "$2" ]; then
            why="process $holder has been at work for $2 s; if it hangs: kill it, or rm $lock" && return 1
        else
            sleep 1
        fi
    done
}

unlock() { rm -f "$lock"; }
