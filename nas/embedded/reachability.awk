# Lines `ADDRESS NAME yes|no`: which addresses of containers answer a ping, for install.sh.
# Reads `own` lines of ip -o addr, `reached ADDRESS`, then each `attached PID /NAME IPV4 ULA` followed by what ip says in
# its namespace.
function tell(a) { # one that this host has itself answers without any container
    if (a ~ /^[0-9a-f.:]+$/ && !(a in told)) print a, name, ((a in yes) && !(a in own) ? "yes" : "no")
    told[a]
}
$1 == "own" { sub(/\/.*/, "", $5); own[$5]; next }
$1 == "reached" { yes[$2] }
$1 == "attached" { name = $3 ~ /^\/[A-Za-z0-9_.-]+$/ ? substr($3, 2) : "?"; tell($4); tell($5) }
$3 == "inet6" { sub(/\/.*/, "", $4); tell($4) }
