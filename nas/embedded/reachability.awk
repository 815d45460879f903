# Lines `ADDRESS NAME yes|no`: which addresses of containers answer a ping, for install.sh.
# Reads `own` lines of ip -o addr, `reached ADDRESS`, then `NAME ADDRESS`.
$1 == "own" { sub(/\/.*/, "", $5); own[$5]; next }
$1 == "pinged" { next }
$1 == "reached" { yes[$2]; next }
# One that this host has itself answers without any container
NF == 2 { print $2, $1, (($2 in yes) && !($2 in own) ? "yes" : "no") }
