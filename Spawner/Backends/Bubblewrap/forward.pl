# Carries connections between the sandbox's loopback and unix sockets, the same for every agent type.
#
#   forward.pl LISTEN CONNECT [LISTEN CONNECT]...     each tcp:PORT (on 127.0.0.1) or unix:PATH
#
# Returns when all of them listen, and goes on in the background for as long as the sandbox lives. Without modules, whose
# loading takes longer than all the rest. Numbers are Linux's, on x86-64 and aarch64.
use strict;

my ($AF_UNIX, $AF_INET, $SOCK_STREAM, $SOL_SOCKET, $SO_REUSEADDR, $SHUT_WR) = (1, 2, 1, 1, 2, 1);
my ($F_SETFL, $O_NONBLOCK) = (4, 04000);
my ($EINTR, $EAGAIN, $EINPROGRESS) = (4, 11, 115);
my $CHUNK = 64 * 1024;
my $MOST = 480;    # connections at once: two descriptors each, and select(2) knows 1024

# Of a connection, each end is one of these: its socket, what waits to be written to it, and its other end.
my (%listening, %ends);

sub address {
    my ($kind, $where) = split /:/, shift, 2;
    return ($AF_INET, pack 'S n C4 x8', $AF_INET, $where, 127, 0, 0, 1) if $kind eq 'tcp';
    return ($AF_UNIX, pack 'S a108', $AF_UNIX, $where) if $kind eq 'unix';
    die "forward: '$kind:$where' is neither tcp nor unix\n";
}

sub unblock { fcntl $_[0], $F_SETFL, $O_NONBLOCK or die "forward: fcntl: $!\n" }

sub listen_at {
    my ($family, $address) = address($_[0]);
    socket my $socket, $family, $SOCK_STREAM, 0 or die "forward: socket: $!\n";
    setsockopt $socket, $SOL_SOCKET, $SO_REUSEADDR, pack 'i', 1;
    bind $socket, $address and listen $socket, 128 or die "forward: $_[0]: $!\n";
    unblock($socket);
    return $socket;
}

sub take {
    my $listener = shift;
    accept my $near, $listener->{socket} or return;
    my ($family, $address) = address($listener->{to});
    socket my $far, $family, $SOCK_STREAM, 0 or return;
    unblock($_) for $near, $far;

    # One that is under way is taken for made: what goes wrong shows at its first read.
    connect $far, $address or $! == $EINPROGRESS or return;
    my ($one, $other) = map { +{ socket => $_, unsent => '', open => 1, ended => 0 } } $near, $far;
    ($one->{peer}, $other->{peer}) = ($other, $one);
    $ends{fileno $_->{socket}} = $_ for $one, $other;
}

sub drop {
    for my $end ($_[0], $_[0]{peer}) {
        delete $ends{fileno $end->{socket}};
        close $end->{socket};
    }
    delete $_[0]{peer}{peer};
    delete $_[0]{peer};
}

# Writes what waits for this end, and passes on that nothing more will come; false: the connection is over.
sub send_on {
    my $end = shift;
    if (length $end->{unsent}) {
        my $sent = syswrite $end->{socket}, $end->{unsent};
        return $! == $EAGAIN || $! == $EINTR unless defined $sent;
        substr $end->{unsent}, 0, $sent, '';
    }
    if (!length $end->{unsent} && !$end->{peer}{open} && !$end->{ended}) {
        $end->{ended} = 1;
        shutdown $end->{socket}, $SHUT_WR;
    }
    return !($end->{ended} && $end->{peer}{ended});
}

sub receive {
    my $end = shift;
    my $read = sysread $end->{socket}, my ($data), $CHUNK;
    return $! == $EAGAIN || $! == $EINTR unless defined $read;
    if ($read) { $end->{peer}{unsent} .= $data }
    else       { $end->{open} = 0 }
    return send_on($end->{peer});
}

die "usage: forward.pl LISTEN CONNECT [LISTEN CONNECT]...\n" if !@ARGV || @ARGV % 2;
while (my ($from, $to) = splice @ARGV, 0, 2) {
    my $socket = listen_at($from);
    $listening{fileno $socket} = { socket => $socket, to => $to };
}

my $child = fork;
defined $child or die "forward: fork: $!\n";
exit 0 if $child;

# A signal to the agent's group is not meant for this, and the agent's output is not this one's.
setpgrp 0, 0;
$SIG{PIPE} = 'IGNORE';
open STDIN, '<', '/dev/null';
open STDOUT, '>', '/dev/null';
open STDERR, '>', '/dev/null';

while (1) {
    my ($reads, $writes) = ('', '');
    if (keys %ends < 2 * $MOST) { vec($reads, $_, 1) = 1 for keys %listening }
    while (my ($number, $end) = each %ends) {
        vec($reads,  $number, 1) = 1 if $end->{open} && !length $end->{peer}{unsent};    # one chunk at a time: who reads slowly is written to slowly
        vec($writes, $number, 1) = 1 if length $end->{unsent};
    }
    next if select($reads, $writes, undef, undef) < 0;
    for my $number (keys %listening) { take($listening{$number}) if vec $reads, $number, 1 }
    for my $number (keys %ends) {
        my $end = $ends{$number} or next;    # dropped with its peer just now
        my $alive = 1;
        $alive = send_on($end) if vec $writes, $number, 1;
        $alive = receive($end) if $alive && $end->{open} && vec $reads, $number, 1;
        drop($end) unless $alive;
    }
}
