# What the kernel says in the namespaces of running containers, whatever Docker believes: the addresses, which every user
# may read. Arguments: process numbers. A container may have made any number of addresses: what is not read to its end is
# told as `cut`.
BEGIN {
    for (i = 1; i < ARGC; i++) {
        print "pid", ARGV[i]
        at = "/proc/" ARGV[i] "/net/"
        for (n = 0; n < 64 && (getline line < (at "if_inet6")) > 0; n++) print "v6", line
        if (n == 64) print "cut"
        split("", told)
        for (n = 0; n < 4096 && (getline line < (at "fib_trie")) > 0; n++) {
            split(line, p, " ")
            if (p[1] == "|--") address = p[2]
            else if (p[1] == "/32" && p[3] == "LOCAL" && !(address in told)) { told[address]; print "v4", address }
        }
        if (n == 4096 || n == 0) print "cut" # it ended meanwhile
        close(at "if_inet6"); close(at "fib_trie")
    }
}
