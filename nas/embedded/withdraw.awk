# Which changes in containers are to be taken back. learn.awk stands before it.
# Reads `planned NAME IPV4 ULA MAC`, `attached PID /NAME IPV4 ULA MAC GIVE [STATIC]`, and the record of arrange.sh, each line behind
# `given `: PID STARTED NUMBER WHAT BEFORE. With -v what=all everything is, with what=ipv6 all of IPv6, else what no planned or
# attached line asks for; others=all means that each attached one is to take advertisements.
# Answers with the lines that stay, as `stays PID STARTED NUMBER WHAT BEFORE`, and with `back PID STARTED [NUMBER WHAT BEFORE]...` for
# withdraw.sh, the latest change first.
BEGIN { ipv6s = "^(address|ipv6/(disable_ipv6|accept_ra))$" }
function is_wanted(pid, kind, before) {
    if (what == "ipv6") return kind !~ ipv6s
    if (what == "all" || !(pid in ipv6)) return 0
    if (kind ~ ipv6s) {
        if (kind == "ipv6/accept_ra") return takes[pid]
        return gives[pid] && (kind != "address" || before == ipv6[pid] || before == static[pid])
    }
    if (kind ~ /optimistic/) return gives[pid] || ipv6[pid] != "-"
    return mac[pid] != "" || (kind == "ipv6/ndisc_notify" && gives[pid])
}
function is_sound(kind, before) {
    if (kind ~ /^ipv6\/(disable_ipv6|accept_ra|optimistic_dad|use_optimistic|ndisc_notify)$|^ipv4\/arp_notify$/) return before ~ /^-?[0-9]+$/
    if (kind == "mac") return before ~ /^[0-9a-f:]+$/ && length(before) == 17
    return kind ~ /^(address|token)$/ && before ~ /^[0-9a-f:]+$/ && before ~ /:.*:/
}
$1 == "planned" && $3 != "-" { planned[$3] = $4; if ($5 ~ /:/) macs[$3] = $5 }
$1 == "attached" {
    ipv6[$2] = $5; static[$2] = $8; gives[$2] = $7 == "give"; mac[$2] = macs[$4]
    takes[$2] = gives[$2] || others == "all" || (($4 in planned) && planned[$4] != "-")
}
$1 == "given" && NF == 6 && $2 $3 $4 ~ /^[0-9]+$/ && is_sound($5, $6) {
    if ($5 == "mac") before[$2, $3, $4] = $6
    if (is_wanted($2, $5, $6)) { print "stays", $2, $3, $4, $5, $6; next }
    line[++lines] = $0
}
END {
    for (i = lines; i >= 1; i--) {
        split(line[i], p, " ")
        process = p[2] " " p[3]
        if (!(process in words)) order[++count] = process
        if (p[5] == "token" && p[6] == "::") {
            p[5] = "no_token"
            if ((p[2], p[3], p[4]) in before) p[6] = text("0000000000000000" suffix(before[p[2], p[3], p[4]]))
        }
        words[process] = words[process] " " p[4] " " p[5] " " p[6]
    }
    for (i = 1; i <= count; i++) print "back " order[i] words[order[i]]
}
