// Package limits holds the caps of one running process, each with its reason.
//
// What two parties signed (sizes of statements, how many per day, how much may lie unheld) is a term of the agreement and
// stands there; the largest bundle is part of the format and stands in package exchange. Here is what protects this
// process from whoever can reach it, whatever was agreed. Raising a number never weakens a check; it only lets more
// work in at once.
package limits

import "time"

// Where peers connect.
const (
	// PeerBody is the largest request or answer of a peer: one bundle of the largest size, 16 MiB. It is refused from its
	// Content-Length, unread.
	PeerBody = 16 << 20

	// PeerRate is the slowest link a whole bundle must still pass, in bytes a second: a satellite link of 128 kbit/s.
	PeerRate = 16 << 10

	// PeerExchange is the longest one request and its answer may take: PeerBody at PeerRate, each way (34 minutes). Past it the
	// connection is closed; nothing is lost, because what is not acknowledged is offered again.
	PeerExchange = 2 * PeerBody / PeerRate * time.Second

	// PeerConcurrent is how many requests of peers are worked on at once. Each may hold one bundle sealed and one opened:
	// 16 × 2 × 16 MiB stays under 512 MiB. Further ones get an answer to try later.
	PeerConcurrent = 16

	// PeerConcurrentEach is how many of these may be of one partner: one for each of a few channels, and one that stalls leaves
	// three quarters to the others.
	PeerConcurrentEach = PeerConcurrent / 4

	// PeerConnections is how many connections stand open at once, so that peers whose handshake is slow cannot use up the
	// process's file descriptors (1024 on many systems, shared with the database and objects).
	PeerConnections = 256
)

// Everywhere HTTP is spoken.
const (
	// HeaderBytes caps a request's header: Entente sends a few hundred bytes and no cookies.
	HeaderBytes = 8 << 10

	// HeaderTime is how long a header may take to arrive; whoever is slower holds a connection open for nothing.
	HeaderTime = 10 * time.Second

	// IdleTime is how long an unused connection is kept: a handshake with post-quantum keys costs more than a socket.
	IdleTime = 5 * time.Minute
)

// On the operator's own socket.
const (
	// OperatorBody is the largest operator request: a bundle carried by courier in base64, with room to spare.
	OperatorBody = 32 << 20

	// OperatorTime is the longest an operation may take; a full re-check of a large journal is the slowest.
	OperatorTime = 10 * time.Minute

	// OperatorConcurrent is how many operations run at once: the store has one writer, so more would only wait there.
	OperatorConcurrent = 32
)

// On this machine.
const (
	// DiskHeadroom is the free space, in bytes, under which a node takes in nothing more from peers and says so: enough to write
	// its own acts, withdrawals and incidents for days, and to take a backup of the database. A full disk never destroys anything.
	DiskHeadroom = 512 << 20

	// DrainTime is how long a stopping node waits for requests in hand. What is cut off had no answer, so it will be
	// sent again.
	DrainTime = 20 * time.Second

	// FileBytes is the largest file a person hands in to be read whole: a report, a sheet, an agreement, a key file. A
	// bundle from a courier has PeerBody.
	FileBytes = 1 << 20
)
