# Writes each file in one step, and puts the old ones back. A file made by hand is kept beside the new one.
by_hand() { [ -s "$1" ] && ! is_marked "$1"; }
is_changed() { case $changed in *" $1 "*) ;; *) return 1 ;; esac; }

# Whether another installation has that file too, as its data file beside ours says: there is one `docker` for SSH commands
is_shared() {
    shared=$1
    set +f
    set -- "${conf%/*}"/*.conf
    set -f
    for other; do
        [ "$other" != "$conf" ] && grep -qsF "# file $shared " "$other" && return
    done
    return 1
}

make_parents() {
    [ -d "$1" ] || { make_parents "${1%/*}" && mkdir "$1" && chmod 755 "$1" && true >"$1/$mark"; }
}

drop_parents() {
    [ -e "$1/$mark" ] && [ "$(ls -A "$1")" = "$mark" ] || return 0
    rm "$1/$mark" && rmdir "$1" && drop_parents "${1%/*}"
}

# put FILE DEST MODE: copies FILE in one step, so that DEST is never half a file
put() {
    make_parents "${2%/*}" && cp "$1" "$2.new" && chmod "$3" "$2.new" && mv -f "$2.new" "$2" && return
    rm -f "$2.new"
    return 1
}

take_away() { rm -f "$1" "$1.new" "$1$kept.new" && drop_parents "${1%/*}"; }

# Keeps each file made by hand, once. The hook's file comes first, and before it whether it was enabled and active
keep() {
    for dest in $hook_file $paths; do
        by_hand "$dest" && [ ! -e "$dest$kept" ] || continue
        why="cannot write $dest$kept" backups="$backups $dest"
        rm -f "$dest$kept.enabled" "$dest$kept.active"
        if [ "$dest" = "$hook_file" ]; then
            [ -z "$was_enabled" ] || true >"$dest$kept.enabled" || return 1
            [ -z "$was_active" ] || true >"$dest$kept.active" || return 1
        fi
        cp -pP "$dest" "$dest$kept.new" && mv -f "$dest$kept.new" "$dest$kept" || return 1
    done
}

write_files() { # sets $changed to the DESTs that differ
    while read -r mode dest name; do
        [ -n "$mode" ] || continue
        if cmp -s "$dir/$name" "$dest" && [ -n "$(find "$dest" -perm "$mode")" ]; then continue; fi
        why="cannot write $dest"
        [ ! -e "$dest" ] || cp -pP "$dest" "$dir/old.$name" || return 1
        changed="$changed$dest "
        put "$dir/$name" "$dest" "$mode" || return 1
    done <<END
$files
END
}

# The program comes first in $files and is put back last: the present one reads every data file, but one of before reads
# only its own, and the NAS may lose power between the two. Sets $found when there was anything before.
put_back() {
    found='' failed=''
    while read -r mode dest name; do
        is_changed "$dest" || continue
        if [ -e "$dir/old.$name" ] || [ -L "$dir/old.$name" ]; then
            found=y
            cp -pP "$dir/old.$name" "$dest.new" && mv -f "$dest.new" "$dest"
        else
            take_away "$dest"
        fi || failed=y
    done <<END
$(say "$files" | sed -n '1!G;h;$p')
END
    for dest in $backups; do rm -f "$dest$kept" "$dest$kept.enabled" "$dest$kept.active"; done
    [ -z "$failed" ]
}
