# Compares what is wanted with what ip and the kernel tell.
# Reads lines `conf SHIM PARENT MAC IPV4 IPV6 GATEWAY KNOWS PROTO`, `planned NAME IPV4 ULA MAC` and `attached PID /NAME
# IPV4 ULA`, then what ip says after `== link` and `== routes`.
# Answers with `link STATE`, counts of routes, `do COMMAND` for ip -batch, and for containers:
#   seen PID DEV NUMBER MAC SUFFIX NAME   MAC: the planned one or `-`; SUFFIX: the 16 hex digits that follow from it
#   stray PID                             one of its addresses follows from another MAC
#   dead PID DEV NAME                     it has a default route through GATEWAY
#   late                                  the interface of one is not there yet
#   gone                                  the process of one has ended
function text(hex,   i, g, s, z) { # 32 hex digits of /proc as an address is written (RFC 5952)
    s = ":"
    for (i = 0; i < 8; i++) { g = substr(hex, 4 * i + 1, 4); sub(/^0+/, "", g); s = s (g == "" ? "0" : g) ":" }
    for (z = ":0:0:0:0:0:0:0:0:"; length(z) > 3; z = substr(z, 3))
        if (i = index(s, z)) { s = substr(s, 1, i - 1) "::" substr(s, i + length(z)); break }
    if (s !~ /^::/) sub(/^:/, "", s)
    if (s !~ /::$/) sub(/:$/, "", s)
    return s
}
function want(a, tag) { if (a != "-" && !(a in wanted)) { wanted[a] = tag; order[++total] = a } }
function has(pid, v4,   file, l, p, at, found) {
    file = "/proc/" pid "/net/fib_trie"
    while ((getline l < file) > 0) {
        split(l, p, " ")
        if (p[1] == "|--") at = p[2]
        else if (at == v4 && p[1] == "/32" && p[3] == "LOCAL") found = 1
    }
    close(file)
    return found
}
function suffix(mac,   o, d) { # RFC 4291 appendix A
    split(mac, o, ":")
    d = index("0123456789abcdef", substr(o[1], 2)) - 1
    d = int(d / 2) % 2 ? d - 2 : d + 2
    return substr(o[1], 1, 1) substr("0123456789abcdef", d + 1, 1) o[2] o[3] "fffe" o[4] o[5] o[6]
}
function only_link(pid,   file, l, p, found, n) {
    file = "/proc/" pid "/net/dev"
    while (n < 3 && (getline l < file) > 0) {
        if (split(l, p, ":") > 1) gsub(/ /, "", p[1])
        else continue
        # Some kernels put idle tunnels into each namespace, and one with a VPN makes its own
        if (p[1] !~ /^(lo|sit0|tunl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6tnl0|ip6gre0|(tun|wg)[0-9]+)$/) {
            found = p[1]; n++
        }
    }
    close(file)
    return n == 1 ? found : ""
}
function see(pid, dev, nr, v4, name) {
    print "seen", pid, dev, nr, ((v4 in macs) ? macs[v4] " " suffix(macs[v4]) : "- -"), name
}
function container(pid, name, v4, ula,   file, l, p, n, all, dev, nr, any, there, i) {
    file = "/proc/" pid "/net/if_inet6"
    while ((i = (getline l < file)) > 0) {
        split(l, p, " "); any = 1
        if (p[4] == "00") { all[++n] = l; if (text(p[1]) == ula) { dev = p[6]; nr = p[2] } }
    }
    close(file)
    if (i < 0) { print "gone"; return }
    if (dev == "") { # not there yet, or a number that another process has now, or IPv6 is switched off
        there = has(pid, v4)
        if (there) want(v4, learned)
        if (there && v4 in macs && (dev = only_link(pid)) != "") see(pid, dev, 0, v4, name)
        if (!there || (any && ula != "-")) print "late"
        return
    }
    want(v4, learned); want(ula, learned)
    for (i = 1; i <= n && i <= 32; i++) { split(all[i], p, " "); if (p[6] == dev) want(text(p[1]), learned) }
    see(pid, dev, nr, v4, name)
    for (i = 1; (v4 in macs) && i <= n; i++) { # flags from 8 on mean permanent: not formed by the kernel
        split(all[i], p, " ")
        if (p[6] == dev && p[5] ~ /^[0-7]/ && p[1] ~ /fffe......$/ && substr(p[1], 17) != suffix(macs[v4])) {
            print "stray", pid
            break
        }
    }
    file = "/proc/" pid "/net/ipv6_route"
    while ((getline l < file) > 0) {
        split(l, p, " ")
        if (p[2] == "00" && p[1] ~ /^0+$/ && p[10] == dev && text(p[5]) == dead) print "dead", pid, dev, name
    }
    close(file)
}
function todo(s) { print "do " s }
$1 == "==" { part = $2; next }
part == "" && $1 == "conf" { shim = $2; parent = $3; mac = $4; v4 = $5; v6 = $6; dead = $7; knows = $8; learned = $9 }
part == "" && $1 == "planned" { want($3, ""); want($4, ""); if ($5 ~ /:/) macs[$3] = $5 }
part == "" && $1 == "attached" && $2 ~ /^[1-9][0-9]*$/ && $3 ~ /^\/[A-Za-z0-9_.-]+$/ && $4 ~ /^[0-9.]+$/ && $5 ~ /^[0-9a-f:-]+$/ {
    container($2, substr($3, 2), $4, $5)
}
part == "link" && /^[0-9]+: / { there = 1; at = $2; sub(/^.*@/, "", at); sub(/:$/, "", at); up = /[<,]UP[,>]/ }
part == "link" && $1 == "link/ether" { hasmac = $2 }
part == "link" && $1 == "macvlan" { mode = $3 }
part == "link" && $1 ~ /^inet6?$/ && $2 !~ /^fe80:/ { have[$2] = /dadfailed|tentative/ ? "bad" : "good" }
part == "routes" && NF && $1 !~ /^(local|broadcast|multicast|anycast|unreachable|ff00:.*|fe80:.*)$/ && !/ table / {
    to = $1; sub(/\/(32|128)$/, "", to)
    proto = match($0, / proto [^ ]+/) ? substr($0, RSTART + 7, RLENGTH - 7) : ""
    if (to == "default" && (/ via [^ ]*:/ || !/ (via|scope) /)) to = "::/0" # ip takes default for IPv4
    if (proto != "kernel" && to != dead) routes[to] = / via / ? "via" : (proto == learned ? "learned" : "own")
}
END {
    if (!there) state = "missing"
    else if (mode == "") state = "foreign"
    else if (at != parent) state = "wrong it stands on " at
    else if (mode != "bridge") state = "wrong its mode is " mode
    else if (hasmac != mac) state = "wrong its MAC is " hasmac
    else state = "right"
    if (state != "right") { split("", have); split("", routes); up = 0 }
    if (have[v4 "/32"] != "good") todo("addr replace " v4 "/32 dev " shim)
    if (have[v6 "/128"] != "good") todo("addr replace " v6 "/128 dev " shim " nodad noprefixroute")
    for (a in have) if (have[a] != "" && a != v4 "/32" && a != v6 "/128") todo("addr del " a " dev " shim)
    if (!up) todo("link set dev " shim " up")
    for (a in routes) if (a != v6 && !(a in wanted) && !(routes[a] == "learned" && !knows)) {
        stale++; todo("route del " a " dev " shim)
    }
    for (i = 1; i <= total; i++) {
        a = order[i]
        # One of our own whose container is no longer planned becomes a learned one, so that start may forget it
        if (routes[a] == "learned" || (routes[a] == "own" && wanted[a] == "")) { present++; continue }
        todo("route replace " a (a ~ /:/ ? "/128" : "/32") " dev " shim (wanted[a] == "" ? "" : " proto " wanted[a]))
    }
    print "wanted", total + 0; print "present", present + 0; print "stale", stale + 0; print "link", state
}
