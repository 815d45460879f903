# What `status` shows of each container, as a line of a table or, with -v json=1, as JSON.
# Reads `pinged`, `reached ADDRESS`, `drift TEXT`, `planned NAME IPV4 ULA MAC`, then each `attached PID /NAME IPV4 ULA`
# followed by what ip says in its namespace. No value needs escaping in JSON: each is of the characters that the conf may
# have, or is checked here.
function quoted(s) { return "\"" s "\"" }
function add(list, s) { return list (list == "" ? "" : ", ") s }
function mark(a) { if (a in reached) hits = add(hits, quoted(a)); return a (on && pinged && a != "-" && !(a in reached) ? "!" : "") }
function finish(   i, f, a, life, globals, shown) {
    if (name == "") return
    hits = ""
    shown = sprintf("%-20s %-16s %-26s", name, mark(v4), mark(ula))
    for (i = 1; i <= seen; i++) {
        split(line[i], f, " "); split(f[4], a, "/")
        if (f[2] != dev || a[1] == ula) continue
        life = match(line[i], /valid_lft [0-9]+/) ? substr(line[i], RSTART + 10, RLENGTH - 10) : "null"
        globals = add(globals, "{\"address\": " quoted(a[1]) ", \"valid\": " life "}")
        shown = shown " " mark(a[1])
    }
    mac = dev == "" ? (lone == "several" ? "" : has[lone]) : has[dev]
    if (mac != "" && macs[v4] != "" && mac != macs[v4]) shown = shown " MAC " mac " instead of " macs[v4]
    print json ? sep " {\"name\": " quoted(name) ", \"planned\": " plan ", \"attached\": " (on ? "true" : "false") \
        ", \"mac\": " ornull(mac) ", \"mac_planned\": " ornull(macs[v4]) \
        ", \"ipv4\": " quoted(v4) ", \"ula\": " quoted(ula) ", \"globals\": [" globals "], \"default_routes\": [" gates \
        "], \"reached\": " (pinged ? "[" hits "]" : "null") "}" : shown (on ? " default via [" gates "]" : " not running")
    sep = ","
}
function begin(n, a, u, p, o) {
    finish(); name = n; v4 = a; ula = u; plan = p; on = o; seen = 0; gates = dev = lone = ""; split("", has)
}
function ornull(s) { return s == "" ? "null" : quoted(s) }
$1 == "pinged" { pinged = 1 }
$1 == "reached" { reached[$2] }
$1 == "planned" { names[++count] = $2; v4s[count] = $3; ulas[count] = $4 == "slaac" ? "-" : $4; if ($3 != "-") planned[$3] }
$1 == "planned" && $5 ~ /:/ { macs[$3] = $5 }
$1 == "attached" && $3 ~ /^\/[A-Za-z0-9_.-]+$/ && $4 ~ /^[0-9.]+$/ && $5 ~ /^[0-9a-f:-]+$/ {
    begin(substr($3, 2), $4, $5, ($4 in planned) ? "true" : "false", 1)
    running[$4]
}
$3 == "inet" && index($4, v4 "/") == 1 { dev = $2 }
$3 == "inet6" { line[++seen] = $0; if (index($4, ula "/") == 1) dev = $2 }
match($0, / link\/ether [0-9a-f:]+ /) {
    mac = substr($0, RSTART + 12, RLENGTH - 13); sub(/[@:].*/, "", $2)
    has[$2] = mac; lone = lone == "" ? $2 : "several"
}
$1 == "default" { gates = add(gates, quoted($3)) }
END {
    for (c = 1; c <= count; c++) if (!(v4s[c] in running)) begin(names[c], v4s[c], ulas[c], "true", 0)
    finish()
}
