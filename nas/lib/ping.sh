# ping_for ADDRESS: sets $ping to the command for that family, one word or two. Call find_ping6 first.
find_ping6() {
    ping6='ping -6'
    ! command -v ping6 >/dev/null || ping6=ping6
}

ping_for() { case $1 in *:*) ping=$ping6 ;; *) ping=ping ;; esac; }
