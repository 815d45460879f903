# Where the loop gives IPv6, docker knows of none: completes its answer by what the loop is to give. learn.awk stands
# before it. Reads `planned NAME IPV4 ULA|slaac|- MAC [STATIC]` and the lines `attached PID /NAME IPV4 ULA MAC`, behind which
# are the sysctls that the creator of a container has set, as JSON. Answers with `attached PID /NAME IPV4 ULA MAC give|- [STATIC]`;
# a ULA `-` beside `give` means what the router announces, and STATIC if there is one.
# With -v others=all also for those that nobody planned. Then their ULA follows from subnet=, the IPv4 one of the LAN, and
# prefix=. shim= is taken.
function ula_of(v4,   o, n, i, bits, step, tail) { # as plan/numbering.py says it; "" if there is none
    if (prefix == "" || subnet == "") return ""
    split(v4, o, "."); split(subnet, n, /[.\/]/)
    for (i = 1; i <= 4; i++) {
        step = 256 # and no power, which a busybox may be without
        for (bits = n[5] - 8 * (i - 1); bits > 0 && step > 1; bits--) step /= 2
        if (o[i] - o[i] % step != n[i] + 0) return ""
        if (step > 1) tail = tail substr("0000" (o[i] % step), length(o[i] % step) + 1)
    }
    return text(substr(hex(prefix), 1, 16) substr("0000000000000000", length(tail) + 1) tail)
}
function other(v4,   a) {
    if (others != "all" || v4 !~ /^[0-9.]+$/) return "-"
    a = ula_of(v4)
    return a == "" || a == shim || (a in taken) ? "slaac" : a
}
$1 == "planned" { if ($3 != "-") { ipv6[$3] = $4; static[$3] = $6 }; taken[$4] }
$1 == "attached" && NF >= 6 {
    wanted = ($4 in ipv6) ? ipv6[$4] : other($4)
    # What docker gives, or the creator has switched off, stays as it is
    if ($5 != "-" || /net\.ipv6\.conf\.(all|default|eth0)\.disable_ipv6" ?: ?"1"|net\.ipv6\.conf\.IFNAME\.disable_ipv6=1/) wanted = "-"
    print $1, $2, $3, $4, (wanted ~ /:/ ? wanted : $5), $6, (wanted == "-" ? "-" : "give" (static[$4] == "" ? "" : " " static[$4]))
}
