# Which routers advertise themselves on a link: perl -e "this" LINK SECONDS. It asks twice (router solicitation, RFC 4861) and
# listens for SECONDS if nobody answers. It reads by a packet socket: that joins no group, and hears what a firewall drops and
# what a kernel without IPv6 on the link passes over.
# Prints `heard`, `ra ROUTER LIFETIME managed|- other|-` and `prefix ROUTER PREFIX/LENGTH onlink|- auto|- VALID PREFERRED`;
# nothing if it could not ask. Of what routers say it prints numbers and addresses only.
use Socket qw(SOCK_DGRAM SOL_SOCKET);
my ($link, $longest) = @ARGV;
my ($IPV6, $ROUTERS, $PREFIXES, $ATTACH_FILTER) = (0x86dd, 16, 16, 26);
alarm 8;
sub first_line { open(my $file, "<", $_[0]) or exit; my $line = <$file>; chomp $line; $line }
sub now { (split " ", first_line("/proc/uptime"))[0] }
sub spelled { sprintf "%x:%x:%x:%x:%x:%x:%x:%x", unpack "n8", $_[0] }

my $index = first_line("/sys/class/net/$link/ifindex");
my $mac = first_line("/sys/class/net/$link/address");
$mac =~ /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/ or exit;
$mac = pack "H12", join "", split ":", $mac;

# From the own link-local address, if there is one that is neither tentative nor a duplicate. Else from none, as is allowed
my ($own_address, $option) = ("\0" x 16, "");
if (open(my $addresses, "<", "/proc/net/if_inet6")) {
    while (<$addresses>) {
        my ($address, undef, undef, $scope, $flags, $name) = split;
        next if $name ne $link or $scope ne "20" or hex($flags) & 0x48;
        ($own_address, $option) = (pack("H32", $address), pack("CC", 1, 1) . $mac);
    }
}
my $all_routers = "\xff\x02" . "\0" x 13 . "\2";
my $question = pack("CCnN", 133, 0, 0, 0) . $option;
my $sum = unpack "%32n*", $own_address . $all_routers . pack("NN", length $question, 58) . $question;
$sum = ($sum & 0xffff) + ($sum >> 16) for 1, 2;
substr($question, 2, 2) = pack "n", ~$sum & 0xffff;
$question = pack("NnCC", 0x60000000, length $question, 58, 255) . $own_address . $all_routers . $question;

# Only advertisements get as far as to us (next header 58, hop limit 255, type 134), however many packets the NAS has
my $filter = join "", map { pack "SCCL", @$_ } [0x30, 0, 0, 6], [0x15, 0, 5, 58], [0x30, 0, 0, 7], [0x15, 0, 3, 255],
    [0x30, 0, 0, 40], [0x15, 0, 1, 134], [0x06, 0, 0, 0xffff], [0x06, 0, 0, 0];
my $place = sub { pack "SnlSCCa8", 17, $IPV6, $index, 0, 0, 6, $_[0] };
socket(my $socket, 17, SOCK_DGRAM, 0) or exit;
setsockopt($socket, SOL_SOCKET, $ATTACH_FILTER, pack("S x![P] P", 8, $filter)) or exit;
bind($socket, $place->("")) or exit;
my $ask = sub { send($socket, $question, 0, $place->("\x33\x33\0\0\0\2")) or exit };

my (%routers, $first);
sub take {
    my ($packet) = @_;
    return if length $packet < 56;
    my ($length, $from) = unpack "x4nx2a16", $packet;
    my $said = substr $packet, 40, $length;
    return if length $said < 16 or $from !~ /^\xfe[\x80-\xbf]/s;
    return if !$routers{$from} and keys %routers >= $ROUTERS;
    my ($code, $flags, $lifetime) = unpack "xCx3Cn", $said;
    return if $code;
    $first = now() if $lifetime and !defined $first;
    my $router = $routers{$from} ||= { prefixes => {} };
    $router->{ra} = join " ", $lifetime, ($flags & 0x80 ? "managed" : "-"), ($flags & 0x40 ? "other" : "-");
    for (my $at = 16; $at + 8 <= length $said;) {
        my ($kind, $units) = unpack "CC", substr $said, $at, 2;
        last if !$units or $at + 8 * $units > length $said;
        if ($kind == 3 and $units == 4 and ord(substr $said, $at + 2) <= 128) {
            my ($bits, $how, $valid, $preferred, $prefix) = unpack "x2CCNNx4a16", substr $said, $at, 32;
            my $name = spelled($prefix) . "/$bits";
            my $flags = ($how & 0x80 ? "onlink" : "-") . ($how & 0x40 ? " auto" : " -");
            $router->{prefixes}{$name} = "$flags $valid $preferred"
                if $router->{prefixes}{$name} or keys %{ $router->{prefixes} } < $PREFIXES;
        }
        $at += 8 * $units;
    }
}

# A router may take half a second for its answer, and the question may get lost. Who was heard late may not be the only one
my ($began, $again) = (now(), 0.4);
$ask->();
while (1) {
    my $so_far = now() - $began;
    $ask->(), $again = 99 if $so_far >= $again;
    my $end = $longest;
    if (defined $first) { $end = $first - $began + 0.6; $end = 0.95 if $end < 0.95 }
    last if $so_far >= $end;
    my $bits = "";
    vec($bits, fileno $socket, 1) = 1;
    my $until = $again < $end ? $again : $end;
    next if select($bits, undef, undef, $until - $so_far + 0.01) < 1;
    my $where = recv $socket, my $packet, 2048, 0;
    next if !defined $where;
    take($packet) if (unpack "SnlSC", $where)[4] < 3; # what is for others is of another VLAN
}
print "heard\n";
for my $from (sort keys %routers) {
    my ($name, $prefixes) = (spelled($from), $routers{$from}{prefixes});
    print "ra $name $routers{$from}{ra}\n";
    print "prefix $name $_ $prefixes->{$_}\n" for sort keys %$prefixes;
}
