# Which addresses of a container this host routes to it. A container with NET_ADMIN can put any address on its interface, that
# of the DNS server, of the router or of a laptop. So beside the planned addresses only those count that follow from its MAC
# (RFC 4291 appendix A), in a /64 of the LAN that this host is on.
# The bounds for one container in one round: lines of each file of /proc that are read, and addresses that are learned.
BEGIN { MOST_LINES = 512; MOST_LEARNED = 16 }

function text(hex,   i, g, s, z) { # 32 hex digits of /proc as an address is written (RFC 5952)
    s = ":"
    for (i = 0; i < 8; i++) { g = substr(hex, 4 * i + 1, 4); sub(/^0+/, "", g); s = s (g == "" ? "0" : g) ":" }
    for (z = ":0:0:0:0:0:0:0:0:"; length(z) > 3; z = substr(z, 3))
        if (i = index(s, z)) { s = substr(s, 1, i - 1) "::" substr(s, i + length(z)); break }
    if (s !~ /^::/) sub(/^:/, "", s)
    if (s !~ /::$/) sub(/:$/, "", s)
    return s
}
function groups(part,   p, n, i, s) {
    n = split(part, p, ":")
    for (i = 1; i <= n; i++) s = s substr("0000" p[i], length(p[i]) + 1)
    return s
}
function hex(address,   half, n, head, tail) { # the opposite of text(); "" for what is no IPv6 address
    sub(/[%\/].*/, "", address)
    address = tolower(address)
    if (address !~ /:.*:/ || address ~ /[^0-9a-f:]|[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]/) return ""
    n = split(address, half, "::")
    head = groups(half[1]); tail = n > 1 ? groups(half[2]) : ""
    while (length(head tail) < 32) head = head "0"
    return head tail
}
function suffix(mac,   o, d) { # the 16 hex digits that follow from it
    split(mac, o, ":")
    d = index("0123456789abcdef", substr(o[1], 2)) - 1
    d = int(d / 2) % 2 ? d - 2 : d + 2
    return substr(o[1], 1, 1) substr("0123456789abcdef", d + 1, 1) o[2] o[3] "fffe" o[4] o[5] o[6]
}
function byte(digits) {
    return (index("0123456789ABCDEF", substr(digits, 1, 1)) - 1) * 16 + index("0123456789ABCDEF", substr(digits, 2)) - 1
}
function local_ipv4(file, most, found,   l, p, n, at) { # adds the addresses of a fib_trie to found
    for (n = 0; n < most && (getline l < file) > 0; n++) {
        split(l, p, " ")
        if (p[1] == "|--") at = p[2]
        else if (p[1] == "/32" && p[3] == "LOCAL") found[at]
    }
    close(file)
}
# This host: its /64s on the parent, in on_link by 16 hex digits; and in reserved, which no container gets, its own
# addresses, those of its gateways and its resolvers, IPv6 as 32 hex digits.
function know_host(   file, l, p, n) {
    if (knows_host++) return
    reserved[v4]; reserved[hex(v6)]
    if (dead != "-") reserved[hex(dead)]
    file = "/proc/net/if_inet6"
    for (n = 0; n < 4096 && (getline l < file) > 0; n++) {
        split(l, p, " ")
        reserved[p[1]]
        if (p[6] == parent && p[3] == "40") on_link[substr(p[1], 1, 16)]
    }
    close(file)
    file = "/proc/net/ipv6_route"
    for (n = 0; n < 4096 && (getline l < file) > 0; n++) {
        split(l, p, " ")
        if (p[5] !~ /^0+$/) reserved[p[5]]
        else if (p[2] == "40" && p[10] == parent && p[9] ~ /[014589cd]..$/) on_link[substr(p[1], 1, 16)] # no RTF_REJECT
    }
    close(file)
    file = "/proc/net/route" # in the byte order of the machine
    for (n = 0; n < 4096 && (getline l < file) > 0; n++) {
        split(l, p, " ")
        if (p[3] ~ /^[0-9A-F]+$/) reserved[byte(substr(p[3], 7)) "." byte(substr(p[3], 5, 2)) "." byte(substr(p[3], 3, 2)) "." byte(substr(p[3], 1, 2))]
    }
    close(file)
    local_ipv4("/proc/net/fib_trie", 16384, reserved)
    resolvers("/etc/resolv.conf"); resolvers("/run/systemd/resolve/resolv.conf")
}
function resolvers(file,   l, p, n) {
    for (n = 0; n < 100 && (getline l < file) > 0; n++) {
        split(l, p, " ")
        if (p[1] == "nameserver") reserved[p[2] ~ /:/ ? hex(p[2]) : p[2]]
    }
    close(file)
}
# The second word of the flags of /proc/net/if_inet6: 8 is dadfailed (another device has it), 4 optimistic; of the first
# one 4 is tentative (linux/if_addr.h)
function usable(flags) { return flags !~ /^.[89a-f]/ && (flags !~ /^[4-7c-f]/ || flags ~ /^.[4-7c-f]/) }
function learnable(digits, flags, own) {
    return index(own, " " substr(digits, 17) " ") && (substr(digits, 1, 16) in on_link) && !(digits in reserved) && usable(flags)
}
