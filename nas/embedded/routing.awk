# Asks the kernel which way packets between this host and its containers take, and judges the answers. A rule of somebody
# else may be asked before ours, and then our routes are in place and of no use.
# Reads `conf SHIM PARENT IPV4 IPV6 TABLE TABLENAME`, `planned NAME IPV4 ULA MAC`, and `ip -o addr` after `== own`. With -v ask=1 it prints
# questions for ip -batch; else it reads their answers after `== answers` and the rules after `== rules4` and `== rules6`, and
# prints a line for each kind of packet that takes another way. With -v missing=1 the shim is not there yet: then only
# that counts which a rule before ours is known to do.
function family_of(a) { return a ~ /:/ ? 6 : 4 }
function ask_for(a, from) { question[++questions] = a " " from }
function rule_before(f, t,   i, p, shown) { # the first rule before ours that leads to table t, if that is known
    for (i = 1; i <= rules[f]; i++) {
        split(rule[f, i], p, " ")
        if (rule[f, i] ~ ("from all lookup (" table "|" named ")( |$)") || p[1] + 0 >= table + 0) return ""
        if (p[1] + 0 == 0 && rule[f, i] ~ /lookup local *$/) continue
        if (t == "" || rule[f, i] ~ (" lookup " t "( |$)")) { shown = rule[f, i]; gsub(/[ \t]+/, " ", shown); return shown }
    }
    return ""
}
function after(word, line) { return match(line, " " word " [^ ]+") ? substr(line, RSTART + length(word) + 2, RLENGTH - length(word) - 2) : "" }
function judge(a, from,   line, dev, src, t, culprit, key) {
    line = answer[a, from]; dev = after("dev", line); src = after("src", line); t = after("table", line)
    if (line != "" && dev == shim && (from != "-" || src == "" || src == own4 || src == own6)) return
    key = family_of(a) " " from " " dev " " t " " (dev == shim ? src : "")
    if (t == "" && tells && !missing) t = "main"
    culprit = missing && t == "" ? "" : rule_before(family_of(a), t)
    if (missing && culprit == "") return
    if (key in told) { more[told[key]]++; return }
    told[key] = ++lines
    out[lines] = "packets for " a (from == "-" ? "" : " from " from) (line == "" ? " find no way" : dev == shim ? \
        " leave with the address " src : " leave by " dev) (culprit == "" ? "" : ": the rule \"" culprit "\" comes before that of this program")
}
$1 == "==" { part = $2; next }
part == "" && $1 == "conf" {
    shim = $2; parent = $3; own4 = $4; own6 = $5; table = $6; named = $7 == "" ? table : $7
    for (i = 4; i <= 5; i++) if ($i != "-") own[family_of($i), ++mine[family_of($i)]] = $i
}
part == "" && $1 == "planned" {
    for (i = 3; i <= 4; i++) if ($i ~ /[.:]/ && $i != own4 && $i != own6) planned[++count] = $i
}
# Of IPv6 only the address of the shim: containers cannot ask for others, because the kernel answers a neighbour solicitation
# only on the link that has the address.
part == "own" && $3 == "inet" && $2 != shim && $2 !~ /^(lo|docker|br-|veth)/ && !/ scope link| deprecated| tentative| dadfailed/ {
    sub(/\/.*/, "", $4)
    if ($2 == parent || others++ < 4) if (mine[4] < 8) own[4, ++mine[4]] = $4
}
part == "answers" {
    sub(/^(unicast|local|broadcast|unreachable|blackhole|prohibit|anycast|multicast) /, "")
    from = after("from", $0); if (from == "::" || from == "") from = "-"
    answer[$1, from] = $0
    if (/ table /) tells = 1 # newer kernels tell it, of any table but main
}
part ~ /^rules/ && /^[0-9]+:/ { f = substr(part, 6); rule[f, ++rules[f]] = $0 }
END {
    for (i = 1; i <= count && i <= 512; i++) {
        f = family_of(planned[i])
        ask_for(planned[i], "-")
        for (k = 1; k <= mine[f]; k++) ask_for(planned[i], own[f, k])
    }
    for (i = 1; i <= questions; i++) {
        split(question[i], q, " ")
        if (ask) print "route get " q[1] (q[2] == "-" ? "" : " from " q[2])
        else judge(q[1], q[2])
    }
    for (i = 1; i <= lines && i <= 4; i++) print out[i] (more[i] ? " (and " more[i] " more of that kind)" : "")
    if (lines > 4) print "and " lines - 4 " more kinds of packets"
}
