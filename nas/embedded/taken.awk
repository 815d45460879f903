# Whether somebody else uses the number of our routing table and of the rule that leads to it: `the route ...` or `the rule ...`,
# the first one that is found. Ours may come at a lower preference. Reads the routes of that table, each line behind `route `, and the rules as ip shows them.
# With -v number= name= shim= before=: name is what ip may call the table, shim and before are the names of our link.
$1 == "route" {
    dev = match($0, / dev [^ ]+/) ? substr($0, RSTART + 5, RLENGTH - 5) : ""
    if (dev == shim || dev == before) next
    sub(/^route /, ""); print "the route " $0; exit
}
/^[0-9]+:/ {
    to = $0
    if (!sub(/.* lookup /, "", to)) to = ""
    sub(/ .*/, "", to)
    same = to == number || (name != "" && to == name)
    if ($1 == "0:") ours = 0 # the next family. A rule that came to that preference after ours takes nothing
    if ($1 + 0 <= number && same && /from all lookup/) { ours = 1; next }
    if (($1 == number ":" && !ours) || same) { gsub(/[ \t]+/, " "); sub(/ $/, ""); print "the rule " $0; exit }
}
