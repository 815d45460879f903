# Compares what is wanted with what ip and the kernel tell. learn.awk stands before it.
# Reads lines `conf SHIM PARENT MAC IPV4 IPV6 GATEWAY KNOWS PROTO OTHERS`, `tables TABLE ITSNAME BEFORE4 BEFORE6 SIBLING...`, `planned
# NAME IPV4 ULA MAC [STATIC]` and `attached PID /NAME IPV4 ULA MAC GIVE [STATIC]`, then what ip says after `== link`, `== rules4`, `== rules6` and
# `== routes`. BEFORE: that of the last look, because an answer about the rules may fail once; SIBLING: the table of another
# installation of this program.
# Answers with `link STATE`, counts of routes, `tables IPV4 IPV6`, and the changes in the order in which no packet is lost:
#   do COMMAND                             for ip -batch
#   rule FAMILY add|del PREFERENCE TABLE   the rule that leads to the table
#   moved COMMAND                          for ip -batch: routes in a table of before
#   norule FAMILY PREFERENCE TABLE         a rule of ours that is not wanted any more
#   ours FAMILY PREFERENCE TABLE           each rule of ours that is there
# and for containers:
#   seen PID DEV NUMBER MAC SUFFIX NAME IPV6   MAC: the planned one or `-`; SUFFIX: the 16 hex digits that follow from it;
#                                              IPV6: see arrange.sh
#   address NAME ADDRESS                  one that it has, by Docker or of those that are learned
#   stray PID                             it has not what the loop gives, or an address that follows from another MAC
#   dead PID DEV NAME                     it has a default route through GATEWAY
#   late                                  the interface of one, or what the loop gives, is not there yet
#   gone                                  the process of one has ended
function want(a, tag) { if (a ~ (v6 == "-" ? "^[0-9.]+$" : "[.:]") && !(a in wanted)) { wanted[a] = tag; order[++total] = a } }
function has(pid, v4,   found) {
    local_ipv4("/proc/" pid "/net/fib_trie", MOST_LINES, found)
    return v4 in found
}
function only_link(pid,   file, l, p, found, n, i) {
    file = "/proc/" pid "/net/dev"
    while (n < 3 && i++ < MOST_LINES && (getline l < file) > 0) {
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
# The interface of the narrowest connected route that v4 is in
function link_of(pid, v4,   file, l, p, o, n, i, bits, most, step, found) {
    split(v4, o, ".")
    file = "/proc/" pid "/net/route" # in the byte order of the machine
    while (n++ < MOST_LINES && (getline l < file) > 0) {
        split(l, p, " ")
        if (p[3] != "00000000" || p[2] p[8] !~ /^[0-9A-F]+$/ || length(p[2] p[8]) != 16) continue
        for (i = 1; i <= 4; i++) {
            step = 256 - byte(substr(p[8], 9 - 2 * i, 2))
            if (o[i] - o[i] % step != byte(substr(p[2], 9 - 2 * i, 2))) break
        }
        bits = byte(substr(p[8], 7)) * 65536 + byte(substr(p[8], 5, 2)) * 256 + byte(substr(p[8], 3, 2))
        bits = bits * 256 + byte(substr(p[8], 1, 2))
        if (i == 5 && bits > most) { most = bits; found = p[1] }
    }
    close(file)
    return found == "" ? only_link(pid) : found
}
# A container may call an interface what it likes
function see(pid, dev, nr, v4, name, ipv6) {
    if (dev !~ /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/ || dev ~ /^(all|default|lo)$/) return
    print "seen", pid, dev, nr, ((v4 in macs) ? macs[v4] " " suffix(macs[v4]) : "- -"), name, ipv6
}
function reach(name, address, digits) { if (!(digits in reserved)) want(address, learned); print "address", name, address }
function container(pid, name, v4, ula, mac, gives, static,   file, l, p, n, all, on, dev, any, there, i, own, count, read, ipv6) {
    know_host()
    file = "/proc/" pid "/net/if_inet6"
    while (read++ < MOST_LINES && (i = (getline l < file)) > 0) {
        split(l, p, " "); any = 1; on[p[6]] = p[2]
        if (p[4] == "00") { all[++n] = l; if (text(p[1]) == ula && usable(p[5])) dev = p[6] }
    }
    close(file)
    if (i < 0) { # a kernel without IPv6 has no such file
        file = "/proc/" pid "/net/dev"
        i = (getline l < file)
        close(file)
        if (i <= 0) { print "gone"; return }
        gives = static = ""; ula = "-"
    }
    there = dev != "" || has(pid, v4)
    if (there) reach(name, v4, v4)
    if (gives) ipv6 = (ula == "-" ? "slaac" : ula) (static == "" ? "" : "," static)
    else ipv6 = ula == "-" ? "none" : v6 != "-" && (everyone || (v4 in dual)) ? "ra" : "-"
    if (dev == "") {
        if (there && (gives || v4 in macs)) dev = link_of(pid, v4)
        if (dev == "" || ipv6 !~ /^slaac/ || !(dev in on)) {
            # Not there yet, or a number that another process has now, or IPv6 is switched off
            if (dev != "") see(pid, dev, 0, v4, name, ipv6)
            if (dev != "" && gives) print "stray", pid
            if (!there || gives || (any && ula != "-")) print "late"
            return
        }
    }
    if (ula != "-") reach(name, ula, hex(ula))
    see(pid, dev, on[dev], v4, name, ipv6)
    if (static != "") {
        for (i = 1; i <= n; i++) { split(all[i], p, " "); if (p[6] == dev && text(p[1]) == static) break }
        if (i <= n) reach(name, static, p[1]); else print "stray", pid
    }
    own = " " (v4 in macs ? suffix(macs[v4]) : "") " " (mac ~ /:/ ? suffix(mac) : "") " "
    for (i = 1; i <= n && count < MOST_LEARNED; i++) {
        split(all[i], p, " ")
        if (p[6] == dev && text(p[1]) != ula && learnable(p[1], p[5], own)) { reach(name, text(p[1]), p[1]); count++ }
    }
    for (i = 1; (v4 in macs) && i <= n; i++) { # flags from 8 on mean permanent: not formed by the kernel
        split(all[i], p, " ")
        if (p[6] == dev && p[5] ~ /^[0-7]/ && p[1] ~ /fffe......$/ && substr(p[1], 17) != suffix(macs[v4])) {
            print "stray", pid
            break
        }
    }
    find_dead(pid, dev, name)
}
function find_dead(pid, dev, name,   file, l, p, n) {
    file = "/proc/" pid "/net/ipv6_route"
    while (n++ < MOST_LINES && (getline l < file) > 0) {
        split(l, p, " ")
        if (p[2] == "00" && p[1] ~ /^0+$/ && p[10] == dev && text(p[5]) == dead) { print "dead", pid, dev, name; break }
    }
    close(file)
}
# Where the rule of family f belongs: at the number of its table, or before the rules that others added without a preference.
# The kernel puts such a rule before the first one that it finds, which is ours. Which preference was chosen on purpose
# nobody can tell, so one below 10 counts as such.
function place(f,   i, one, lowest) {
    for (i in others) {
        split(i, one, SUBSEP)
        if (one[1] == f && one[2] >= 10 && one[2] <= table + 0 && (!lowest || one[2] < lowest)) lowest = one[2] + 0
    }
    if (!lowest) return table
    return own[f] && own[f] + 0 < lowest ? own[f] : lowest - 1
}
function table_of(family) { return family in policy ? table : "main" }
function in_table(t) { return t == "main" ? "" : " table " t }
$1 == "==" { part = $2; next }
part == "" && $1 == "conf" {
    shim = $2; parent = $3; mac = $4; v4 = $5; v6 = $6; own6 = v6 (v6 ~ /^fe80:/ ? "/64" : "/128"); from = v6 ~ /^fe80:/ ? v6 : ""
    dead = $7; knows = $8; learned = $9; everyone = $10 == "all"
}
part == "" && $1 == "tables" {
    table = $2; named = $3
    if ($4 != "main") policy[4]
    if ($5 != "main") policy[6]
    for (i = 6; i <= NF; i++) sibling[$i]
}
part == "" && $1 == "planned" { want($3, ""); want($4, ""); want($6, ""); if ($4 != "-") dual[$3]; if ($5 ~ /:/) macs[$3] = $5 }
part == "" && $1 == "attached" && $2 ~ /^[1-9][0-9]*$/ && $3 ~ /^\/[A-Za-z0-9_.-]+$/ && $4 ~ /^[0-9.]+$/ && $5 ~ /^[0-9a-f:-]+$/ {
    container($2, substr($3, 2), $4, $5, $6 ~ /^[0-9a-f:]+$/ && length($6) == 17 ? $6 : "-", $7 == "give", $8 ~ /:/ ? $8 : "")
}
part == "link" && /^[0-9]+: / { there = 1; at = $2; sub(/^.*@/, "", at); sub(/:$/, "", at); up = /[<,]UP[,>]/ }
part == "link" && $1 == "link/ether" { hasmac = $2 }
part == "link" && $1 == "macvlan" { mode = $3 }
# A link-local address that the kernel of an old NAS has made is none of ours, and ours have nodad
part == "link" && $1 ~ /^inet6?$/ && ($2 !~ /^fe80:/ || $2 == own6 || / nodad/) { have[$2] = /dadfailed|tentative/ ? "bad" : "good" }
part ~ /^rules/ && /^[0-9]+:/ { # a kernel that can have no rules of its own answers nothing
    family = substr(part, 6); policy[family]; answered[family]; pref = $1 + 0
    leads = $5 == named ? table : $5
    if ($2 " " $3 " " $4 == "from all lookup" && (NF == 5 || $6 == "proto") && leads ~ /^[0-9]+$/ && pref >= 1 && pref <= leads + 0 && leads < 253) {
        tables[family, leads]
        rule[++rules] = family " " pref " " leads
        if (leads == table) { count[family, pref]++; if (!own[family]) own[family] = pref }
        if (leads == table || leads in sibling) next
    }
    if (pref >= 1) others[family, pref]
}
part == "routes" && NF && $1 !~ /^(local|broadcast|multicast|anycast|unreachable|ff00:.*|fe80:.*)$/ && !/ table local/ {
    to = $1; sub(/\/(32|128)$/, "", to)
    proto = match($0, / proto [^ ]+/) ? substr($0, RSTART + 7, RLENGTH - 7) : ""
    at_table = match($0, / table [^ ]+/) ? substr($0, RSTART + 7, RLENGTH - 7) : "main"
    if (at_table == named) at_table = table
    if (to == "default" && (/ via [^ ]*:/ || !/ (via|scope) /)) to = "::/0" # ip takes default for IPv4
    family = to ~ /:/ ? 6 : 4
    if (proto == "kernel") next
    # Without it the kernel would take a link-local address of another link
    src = family == 6 && match($0, / src [^ ]+/) ? substr($0, RSTART + 5, RLENGTH - 5) : ""
    if (at_table == table_of(family)) {
        if (to != dead) routes[to] = / via / || (family == 6 && src != from) ? "other" : (proto == learned ? "learned" : "own")
    } else if (at_table == "main" || at_table == table || ((family, at_table) in tables)) {
        before[++moves] = "route del " to " dev " shim in_table(at_table)
        if ((family, at_table) in tables) old[family, at_table]
    }
}
END {
    if (!there) state = "missing"
    else if (mode == "") state = "foreign"
    else if (at != parent) state = "wrong it stands on " at
    else if (mode != "bridge") state = "wrong its mode is " mode
    else if (hasmac != mac) state = "wrong its MAC is " hasmac
    else state = "right"
    if (state != "right") { split("", have); split("", routes); up = moves = 0 }
    if (have[v4 "/32"] != "good") print "do addr replace " v4 "/32 dev " shim
    # Beside a link-local address its /64 is of use
    if (v6 != "-" && have[own6] != "good") print "do addr replace " own6 " dev " shim " nodad" (from == "" ? " noprefixroute" : "")
    for (a in have) if (have[a] != "" && a != v4 "/32" && a != own6) print "do addr del " a " dev " shim
    if (!up) print "do link set dev " shim " up"
    for (a in routes) if (a != v6 && !(a in wanted) && !(routes[a] == "learned" && !knows)) {
        stale++; print "do route del " a " dev " shim in_table(table_of(a ~ /:/ ? 6 : 4))
    }
    for (i = 1; i <= total; i++) {
        a = order[i]; t = table_of(a ~ /:/ ? 6 : 4)
        # One of our own whose container is no longer planned becomes a learned one, so that start may forget it
        if (routes[a] == "learned" || (routes[a] == "own" && wanted[a] == "")) { present++; continue }
        # In table main a route of somebody else to that address stays: add does not replace it
        verb = t != "main" || routes[a] != "" ? "replace" : "add"
        print "do route " verb " " a (a ~ /:/ ? "/128" : "/32") " dev " shim in_table(t) (wanted[a] == "" ? "" : " proto " wanted[a]) (a ~ /:/ && from != "" ? " src " from : "")
    }
    for (family in answered) if (family == 4 || v6 != "-") {
        wanted_at[family] = place(family)
        n = count[family, wanted_at[family]]
        if (n != 1) print "rule", family, (n > 1 ? "del" : "add"), wanted_at[family], table
    }
    for (i = 1; i <= moves; i++) print "moved " before[i]
    for (i = 1; i <= rules; i++) {
        split(rule[i], r, " ")
        if (((r[1], r[3]) in old) || (r[3] == table && r[2] != wanted_at[r[1]])) print "norule " rule[i]
        if (((r[1], r[3]) in old) || r[3] == table) print "ours " rule[i]
    }
    print "tables", table_of(4), table_of(6)
    print "wanted", total + 0; print "present", present + 0; print "stale", stale + moves + 0; print "link", state
}
