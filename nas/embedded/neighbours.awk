# Who is at which address. The neighbour table is the judge: a firewall may drop pings, and what answers through the
# router is no neighbour. Any entry, a failed one too, says that the question went out. An entry from before the question,
# without a ping answered, is `known`: whoever it was may have left since.
# Reads sections `== told`, gateway, asked, before, own and neighbours; answers with `gateway answers|silent|unasked`,
# `answer ADDRESS MAC STATE ping|quiet|known`, `routed ADDRESS` (a ping was answered, by way of a router) and
# `unasked ADDRESS`.
$1 == "==" { part = $2; next }
part == "told" && $1 == "able" { able = 1 }
part == "told" && $1 == "pinged" { pinged[$2] }
part == "told" && $1 == "sent" { known[$2] }
part == "gateway" && NF { if (gateway == "") gateway = $1; else way = way $0 " " }
part == "asked" && NF { order[++total] = $1 }
part == "before" { if (/ lladdr /) old[$1]; next }
part == "own" && NF { sub("/.*", "", $4); own[$4] }
part == "neighbours" {
    known[$1]
    mac = match($0, / lladdr [^ ]+/) ? substr($0, RSTART + 8, RLENGTH - 8) : ""
    state = match($0, / (REACHABLE|PERMANENT|STALE|DELAY|PROBE)( |$)/) ? substr($0, RSTART + 1) : ""
    sub(/ .*/, "", state)
    sure = state ~ /^(REACHABLE|PERMANENT)$/
    if (mac != "" && (sure || $1 in old || (state != "" && $1 in pinged && !($1 in found)))) found[$1] = mac " " state
}
END {
    # A ping that was answered by way of another router proves that the address exists. Without a route nothing was
    # asked. A neighbour that was known before may be a router that drops pings.
    if (able && gateway != "") {
        if (gateway in pinged) said = "answers"
        else if (way == "" || way ~ /^unreachable/) said = "unasked"
        else if (way ~ / via /) said = "silent"
        else if (gateway in found && found[gateway] ~ / (REACHABLE|PERMANENT)$/) said = "answers"
        else said = (gateway in known && !(gateway in old) ? "silent" : "unasked")
        print "gateway", said
    }
    for (i = 1; i <= total; i++) {
        a = order[i]
        if (a in own) continue
        if (able && a in found) print "answer", a, found[a], (a in pinged ? "ping" : (a in old ? "known" : "quiet"))
        else if (able && a in pinged) print "routed", a
        else if (!able || !(a in known)) print "unasked", a
    }
}
