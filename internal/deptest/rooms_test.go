package deptest

// room says what one package may import. Whatever is not here it may not; a package that is not in the table has no place
// yet, and the test says so.
type room struct {
	may  string // packages of this module, and "external" packages by their module, separated by spaces
	why  string // why no more than that: printed with every ban
	pure bool   // a pure room: no files, network, database, clock or randomness of its own
}

const (
	vocabulary = "the vocabulary everybody shares: whatever it imported, everybody would depend on"
	formats    = "a format that others re-implement and audit: it must be readable alone"
	business   = "a business room: it decides from what it is given, and knows no other business room that does not stand to its left"
	adapter    = "an adapter: it touches disk, network or screen for the rooms, and decides nothing"
	service    = "fetches, asks, writes and records in one unit of work; decisions stay in the rooms, wiring in node"
)

const allRooms = "errs wire party label seal journal statement exchange agreement release custody request logistics evidence guard "

var rooms = map[string]room{
	"errs":      {"", vocabulary, true},
	"wire":      {"errs github.com/fxamacker/cbor/v2", "the one encoding profile: knows no meaning, and is the only package that meets the CBOR library", true},
	"party":     {"errs", vocabulary, true},
	"label":     {"errs party", "must be reviewable alone by a security officer in an afternoon: no library beside the standard one", true},
	"seal":      {"errs wire party filippo.io/mldsa", formats + "; release decides, seal executes", true},
	"journal":   {"errs wire party seal golang.org/x/mod", "knows bytes and hashes, never meaning", true},
	"statement": {"errs wire party", "the vocabulary that the business rooms share: it knows none of them", true},
	"exchange":  {"errs wire party seal journal statement", "knows no agreement and no business room: moving bytes must not depend on what they say", true},
	"agreement": {"errs wire party label statement github.com/pelletier/go-toml/v2 golang.org/x/text", "terms and decisions; signatures come in through a Verifier, so that no key is near a decision", true},
	"release":   {"errs wire party label statement agreement github.com/pelletier/go-toml/v2 golang.org/x/text", business, true},
	"custody":   {"errs wire party label statement agreement golang.org/x/text", business, true},
	"request":   {"errs wire party label statement agreement golang.org/x/text", business, true},
	"logistics": {"errs wire party label statement agreement golang.org/x/text", business, true},
	"evidence":  {"errs wire party seal journal statement exchange agreement", "an auditor checks it without our store, node or keys", true},
	"guard":     {"errs", "the second checker: a defect it shared with the first would be found by neither", true},
	"vectors":   {"", "published test vectors: anybody can import them without pulling anything else", true},

	"examples/exercise": {"", "data only", true},

	"internal/clock":           {"errs", adapter, false},
	"internal/limits":          {"", "numbers and their reasons", false},
	"internal/store/sqlite":    {"errs modernc.org/sqlite github.com/pressly/goose/v3 golang.org/x/sys", adapter, false},
	"internal/store":           {allRooms + "internal/clock internal/limits internal/store/sqlite golang.org/x/sys", adapter, false},
	"internal/store/storetest": {allRooms + "internal/store internal/store/sqlite pgregory.net/rapid", "the suite every back-end passes", false},
	"internal/peer":            {allRooms + "internal/clock internal/limits", adapter, false},
	"internal/identity":        {allRooms + "internal/clock internal/limits github.com/pelletier/go-toml/v2", adapter, false},
	"internal/search":          {allRooms + "internal/clock internal/limits", adapter, false},
	"internal/doc":             {allRooms + "internal/clock internal/limits", adapter, false},
	"internal/channel":         {allRooms + "internal/clock internal/limits internal/store", service, false},
	"internal/link":            {allRooms + "internal/clock internal/limits internal/store internal/peer internal/channel", service, false},
	"internal/office":          {allRooms + "internal/clock internal/limits internal/store internal/identity internal/channel internal/link internal/api", service, false},
	"internal/api":             {allRooms + "internal/clock internal/limits", "an edge: a handler that could read the store would show what the decision path refuses", false},
	"internal/web":             {allRooms + "internal/clock internal/limits internal/api", "an edge: a screen that could read the store would show what the decision path refuses", false},
	"internal/node": {allRooms + "internal/clock internal/limits internal/store internal/store/sqlite internal/peer internal/identity internal/search internal/doc " +
		"internal/channel internal/link internal/office internal/api internal/web github.com/pelletier/go-toml/v2 golang.org/x/sys", "the only place that wires; it decides nothing", false},
	"internal/testnet": {allRooms + "examples/exercise internal/clock internal/limits internal/store internal/peer internal/identity internal/channel internal/link internal/office internal/api internal/node pgregory.net/rapid",
		"simulated nodes, for tests", false},
	"internal/deptest": {"", "tests only", false},
	"internal/measure": {allRooms + "internal/store/sqlite golang.org/x/mod golang.org/x/sys", "primitives and named peers timed for the bench command; nothing else may lean on them", false},
	"cmd/entente": {allRooms + "examples/exercise internal/clock internal/limits internal/measure internal/identity internal/api internal/office internal/node internal/web " +
		"github.com/alecthomas/kong golang.org/x/term golang.org/x/text", "parses, calls and prints: what it could do beside the node's operations, a screen could not", false},
}

// closed lists standard packages that a pure room must not import, and why.
var closed = map[string]string{
	"os": "touches files and environment", "os/exec": "starts programs", "io/ioutil": "touches files", "path/filepath": "means the machine's files",
	"net": "touches the network", "net/http": "touches the network", "database/sql": "touches a database", "syscall": "touches the machine", "unsafe": "breaks the types",
	"log": "writes by itself; an error says it instead", "crypto/rand": "randomness is an argument", "math/rand": "randomness is an argument", "math/rand/v2": "randomness is an argument",
	"plugin": "loads code", "expvar": "is global", "flag": "reads the command line", "testing": "is for tests",
}

// excepted lists the exceptions from closed, each with the reason that was accepted.
var excepted = map[string]string{
	"seal crypto/rand": "keys, encapsulation and nonces are made by the cryptographic library itself, and a caller who could choose them could break them",
}
