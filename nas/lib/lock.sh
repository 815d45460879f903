# One process at a time.

# take_lock FILE SECONDS: sets $lock. Fails, with the reason in $why, if another process holds the lock for longer.
# The lock is a symbolic link to the holder (see lib/process.sh). A holder that was killed leaves the link behind, so a link
# is removed if its process has ended or is another one. Two contenders may find such a link at the same time, and the
# second one would then remove the first one's new lock. Therefore only the process that made the directory FILE.gone
# may remove the link, and only if the link still names the same holder. That takes moments, so a directory that is there for
# seconds is from a process that was killed meanwhile.
take_lock() {
    lock=$1 waited=0 barred=0
    identify || { why="cannot read /proc/$$/stat" && return 1; }
    until said=$(ln -s "$self" "$lock" 2>&1); do
        holder=$(readlink "$lock") || holder=''
        if [ -n "$holder" ] && ! is_process "$holder" "$me" &&
            { mkdir "$lock.gone" 2>/dev/null || [ $((barred += 1)) -gt 5 ]; }; then
            [ "$(readlink "$lock")" != "$holder" ] || rm -f "$lock"
            rmdir "$lock.gone" 2>/dev/null
        elif [ -z "$holder" ] && [ $((waited += 7)) -gt "$2" ]; then
            why="cannot lock ($said): only root can, and while ${lock%/*} is writable and not full" && return 1
        elif [ $((waited += 1)) -gt "$2" ]; then
            why="process ${holder%%.*} has been at work for $2 s; if it hangs: kill it, or rm $lock" && return 1
        else
            sleep 1
        fi
    done
}

unlock() { rm -f "$lock"; }
