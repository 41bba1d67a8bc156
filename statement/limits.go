package statement

// Limits of the format. An agreement may set lower ones, which package exchange enforces; these hold for everybody,
// because a decoder needs a cap before it knows any agreement.
const (
	// MaxLeaf bounds an encoded leaf, in bytes. Every reader keeps every leaf for ever, and a C2SP entry may not pass
	// 65,535; 1 KiB is enough for MaxObjects roots beside the two commitments.
	MaxLeaf = 1 << 10
	// MaxBody bounds an encoded act and an encoded content, in bytes each. What is larger is an object: it is cut into
	// parts, so that it does not delay others and can resume.
	MaxBody = 64 << 10
	// MaxAnswers bounds the statements one act answers. Each must be held before the act can be taken.
	MaxAnswers = 16
	// MaxThread bounds the statements of one thread, of all authors together: folding a thread stays below a second.
	MaxThread = 4096
	// MaxSeen bounds the other authors of a channel, and so the readers that one leaf has to reach.
	MaxSeen = 63
	// MaxObjects bounds the objects of one statement: as many roots as a leaf holds.
	MaxObjects = 16
	// MaxObject bounds the ciphertext of one object, in bytes (1 TiB): sums of sizes cannot overflow.
	MaxObject = 1 << 40
	// MaxProof bounds the data of a proof, in bytes: two signatures and a certificate fit.
	MaxProof = 16 << 10
	// MaxTime is the last millisecond of the year 9999: any duration added to a time stays within int64 and RFC 3339.
	MaxTime = 253402300799999
	// MaxName bounds delegation ids, rules versions, media types and type names, in bytes.
	MaxName = 64
	// MaxField bounds each text of NationalTerms, in bytes: an entry names things and holds no prose.
	MaxField = 256
	// MaxAnchors bounds the heads of one anchor: one per national journal that a channel commits to.
	MaxAnchors = 64
)

// Version is the version of act, content and leaf that this package writes. A decoder refuses any other with code
// statement.<act|content|leaf>.version, which a reader treats as unknown, never as a violation.
const Version = 1
