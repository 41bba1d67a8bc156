package office

import "entente/internal/api"

// Requests and answers of the operator interface. They are JSON on the node's socket and, with --json, on the command
// line's standard output; field names are a public interface and only grow. Times are RFC 3339 UTC with a DTG
// beside them; digests, ids and roots are lower-case hexadecimal.

// Empty is the request of an operation that needs nothing, and the answer of one that has nothing to say.
type Empty struct{}

// Moment is a time as people and machines read it.
type Moment struct {
	DTG string `json:"dtg"` // DD HHMMZ MON YY
	UTC string `json:"utc"` // RFC 3339
}

// Status says how the node stands.
type Status struct {
	Author   string          `json:"author"`
	Realm    string          `json:"realm"`
	Ceiling  string          `json:"ceiling"`
	Banner   string          `json:"banner"`
	BannerJA string          `json:"banner_ja"`
	Version  string          `json:"version"`
	Signing  string          `json:"signing"` // "ready", or the code of what holds signatures back
	Channels []ChannelStatus `json:"channels"`
	Peers    []PeerStatus    `json:"peers"`
	Queue    int             `json:"queue"`
	Register int             `json:"register"`
	Pending  int             `json:"pending"` // releases proposed or approved, not yet dispatched
	Incident int             `json:"quarantined"`
}

// ChannelStatus says how one agreement's channel stands.
type ChannelStatus struct {
	Channel   string        `json:"channel"`
	Agreement string        `json:"agreement"`
	Title     string        `json:"title"`
	TitleJA   string        `json:"title_ja"`
	State     string        `json:"state"`
	Reasons   []string      `json:"reasons,omitempty"`
	ReasonsJA []string      `json:"reasons_ja,omitempty"`
	Partner   string        `json:"partner"`
	Own       JournalStatus `json:"own"`
	Theirs    JournalStatus `json:"theirs"`
}

// JournalStatus says how one journal stands: what it holds, what the reader cosigned, what the reader holds.
type JournalStatus struct {
	Kind      string `json:"kind"` // channel, national, admin
	Origin    string `json:"origin"`
	Author    string `json:"author"`
	Epoch     uint64 `json:"epoch"`
	Size      uint64 `json:"size"`
	Root      string `json:"root"`
	Witnessed uint64 `json:"witnessed"` // leaves under the reader's latest cosignature
	Held      uint64 `json:"held"`      // statements the reader says it holds, opened and matching
	Frozen    bool   `json:"frozen,omitempty"`
}

// PeerStatus says how a pairing stands.
type PeerStatus struct {
	Author      string `json:"author"`
	Address     string `json:"address"`
	Fingerprint string `json:"fingerprint"`
	Confirmed   bool   `json:"confirmed"`
	LastContact string `json:"last_contact,omitempty"`
	LastError   string `json:"last_error,omitempty"`
}

// Check is one line of the doctor.
type Check struct {
	Name   string `json:"name"`
	State  string `json:"state"` // ok, warning, failure
	Detail string `json:"detail,omitempty"`
	Next   string `json:"next,omitempty"`
}

// Doctor lists what was checked; State is the worst of them.
type Doctor struct {
	State  string  `json:"state"`
	Checks []Check `json:"checks"`
}

// StaffReq loads posts and delegations from a staff file (TOML text).
type StaffReq struct {
	File []byte `json:"file"`
}

// Staff lists who may act here and under which delegation.
type Staff struct {
	Posts       []Post           `json:"posts"`
	Delegations []DelegationView `json:"delegations"`
}

// Post is a person as the node's own people see it: by post, never by name.
type Post struct {
	Alias       string   `json:"alias"`
	Agency      string   `json:"agency"`
	Nationality string   `json:"nationality"`
	Roles       []string `json:"roles"`
	Levels      []string `json:"levels,omitempty"`
	Until       string   `json:"clearance_until,omitempty"`
}

// DelegationView is a delegation in force or lapsed.
type DelegationView struct {
	ID         string   `json:"id"`
	Post       string   `json:"post"`
	Office     string   `json:"office"`
	Role       string   `json:"role"`
	Ceiling    string   `json:"ceiling"`
	Recipients []string `json:"recipients,omitempty"`
	Means      []string `json:"means,omitempty"`
	From       string   `json:"from"`
	Until      string   `json:"until"`
	Instrument string   `json:"instrument"`
	InForce    bool     `json:"in_force"`
}

// Blob carries opaque bytes (a card, a package, a bundle, evidence).
type Blob struct {
	Bytes []byte `json:"bytes"`
}

// PairReq adds a partner's card.
type PairReq struct {
	Card    []byte `json:"card"`
	Address string `json:"address,omitempty"` // host:port; overrides the card's
}

// PairView shows a pairing and the words both sides read aloud.
type PairView struct {
	Author      string   `json:"author"`
	Fingerprint string   `json:"fingerprint"`
	Words       []string `json:"words"`
	Confirmed   bool     `json:"confirmed"`
}

// PairConfirmReq confirms a pairing with the words the partner read aloud.
type PairConfirmReq struct {
	Author string `json:"author"`
	Words  string `json:"words"`
}

// AgreementView shows an agreement and where it stands.
type AgreementView struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	TitleJA   string    `json:"title_ja"`
	Digest    string    `json:"digest"`
	Realm     string    `json:"realm"`
	Suite     string    `json:"suite"`
	State     string    `json:"state"`
	Reasons   []string  `json:"reasons,omitempty"`
	ReasonsJA []string  `json:"reasons_ja,omitempty"`
	Channel   string    `json:"channel,omitempty"`
	Problems  []Problem `json:"problems,omitempty"`
	SignedBy  []string  `json:"signed_by"`
	Text      string    `json:"text,omitempty"`
}

// Problem is a term that is unset, contradictory or unsourced, with its line.
type Problem struct {
	Line     int    `json:"line"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	DetailJA string `json:"detail_ja"`
}

// ReportReq hands in a report and its release sheet as drafted by the originator.
type ReportReq struct {
	Report []byte `json:"report"`
	Sheet  []byte `json:"sheet,omitempty"`
	To     string `json:"to"`             // party that would receive
	Lang   string `json:"lang,omitempty"` // "en" (default) or "ja"
}

// ReportView is the answer to a check or preview: what the data break, what would be shown and what not, and why.
type ReportView struct {
	Realm     string        `json:"realm"`
	Serial    string        `json:"serial"`
	OK        bool          `json:"ok"` // nothing refuses
	Banner    string        `json:"banner"`
	Findings  []FindingView `json:"findings"`
	Portions  []PortionView `json:"portions"`
	Disclosed int           `json:"disclosed"`
	Withheld  int           `json:"withheld"`
	Preview   string        `json:"preview,omitempty"` // the release version as the partner would see it
	Problem   *api.Failure  `json:"problem,omitempty"` // what refuses, when it is not ok
}

// FindingView is one rule evaluated or one defect found.
type FindingView struct {
	Code    string `json:"code,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Article string `json:"article,omitempty"`
	Outcome string `json:"outcome,omitempty"` // allow, deny, needs-person, refuse, note
	Portion string `json:"portion,omitempty"`
	Line    int    `json:"line,omitempty"`
	Text    string `json:"text"`
	Change  string `json:"change,omitempty"` // what would change the answer
}

// PortionView says what happens to one portion of the original, for the originator's eyes.
type PortionView struct {
	ID      string        `json:"id"`
	Mark    string        `json:"mark"`
	Shown   bool          `json:"shown"`
	Number  int           `json:"number,omitempty"` // its number in the release version
	Code    string        `json:"code,omitempty"`
	Rule    string        `json:"rule,omitempty"`
	Article string        `json:"article,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Rules   []FindingView `json:"rules,omitempty"`
}

// ReleaseView is one release as its own side sees it.
type ReleaseView struct {
	Realm      string        `json:"realm"`
	ID         string        `json:"id"`
	Reference  string        `json:"reference"`
	State      string        `json:"state"` // proposed, approved, stopped, dispatched, witnessed, held, registered, quarantined
	To         string        `json:"to"`
	Title      string        `json:"title"`
	Banner     string        `json:"banner"`
	Precedence string        `json:"precedence"`
	Disclosed  int           `json:"disclosed"`
	Withheld   int           `json:"withheld"`
	Proposed   Moment        `json:"proposed"`
	Dispatch   *Moment       `json:"dispatch_after,omitempty"` // approved: leaves after this moment unless stopped
	Dispatched *Moment       `json:"dispatched,omitempty"`
	Control    string        `json:"partner_control,omitempty"`
	OwnMarking string        `json:"partner_marking,omitempty"`
	Serial     string        `json:"serial,omitempty"`
	Preview    string        `json:"preview,omitempty"`
	Findings   []FindingView `json:"findings,omitempty"`
	Portions   []PortionView `json:"portions,omitempty"`
	Approver   string        `json:"approver,omitempty"`
	Author     string        `json:"author,omitempty"`
}

// ReleaseList is a page of releases, newest first.
type ReleaseList struct {
	Realm    string        `json:"realm"`
	Releases []ReleaseView `json:"releases"`
}

// ReleaseReq names a release. Hold is how many seconds an approval waits before dispatch, during which it can be
// stopped; Reason goes into the national journal.
type ReleaseReq struct {
	ID     string `json:"id"`
	Hold   int    `json:"hold_seconds,omitempty"`
	Reason string `json:"reason,omitempty"`
	Lang   string `json:"lang,omitempty"`
}

// EntryView is one line of the register or of the registry queue.
type EntryView struct {
	ID         string       `json:"id"`
	Control    string       `json:"control,omitempty"`
	Copy       uint64       `json:"copy"`
	Of         uint64       `json:"of"`
	From       string       `json:"from"`
	Reference  string       `json:"reference"`
	Received   Moment       `json:"received"`
	Registered *Moment      `json:"registered,omitempty"`
	Original   string       `json:"original_marking"`
	Own        string       `json:"own_marking,omitempty"`
	Choices    []ChoiceView `json:"choices,omitempty"` // queue: the equivalent markings the agreement allows
	Holder     string       `json:"holder,omitempty"`
	State      string       `json:"state"` // queued, registered, quarantined
	Code       string       `json:"code,omitempty"`
	Precedence string       `json:"precedence"`
	Portions   uint64       `json:"portions"`
	Intact     bool         `json:"intact"`
	Purpose    string       `json:"purpose"`
}

// ChoiceView is one equivalent marking.
type ChoiceView struct {
	Marking string `json:"marking"`
	Targets string `json:"target"` // what to say to registry accept --marking
	Article string `json:"article"`
	Default bool   `json:"default,omitempty"`
}

// Register is a page of entries.
type Register struct {
	Realm   string      `json:"realm"`
	Banner  string      `json:"banner"`
	Entries []EntryView `json:"entries"`
	More    int         `json:"more,omitempty"` // further entries that are not shown
	Text    string      `json:"text,omitempty"` // the register as it prints
}

// ListReq asks for a page.
type ListReq struct {
	State string `json:"state,omitempty"`
	Lang  string `json:"lang,omitempty"`
}

// AcceptReq accepts one item of the registry queue.
type AcceptReq struct {
	ID      string `json:"id"`
	Marking string `json:"marking,omitempty"` // target; needed where the row has several
	Holder  string `json:"holder"`            // alias of the person to whom it goes (the need-to-know grant)
	Lang    string `json:"lang,omitempty"`
}

// OpenReq opens a registered item.
type OpenReq struct {
	Control string `json:"control"`
	Purpose string `json:"purpose"`
	Lang    string `json:"lang,omitempty"`
}

// OpenView is an opened item.
type OpenView struct {
	Control  string        `json:"control"`
	Own      string        `json:"own_marking"`
	Original string        `json:"original_marking"`
	Text     string        `json:"text"`
	Findings []FindingView `json:"findings"`
}

// JournalReq asks for one page of one journal.
type JournalReq struct {
	Origin string `json:"origin,omitempty"` // empty: list the journals
	From   uint64 `json:"from,omitempty"`
	Limit  uint64 `json:"limit,omitempty"` // at most 100
}

// JournalView lists journals or shows a page of one.
type JournalView struct {
	Journals []JournalStatus `json:"journals,omitempty"`
	Entries  []LeafView      `json:"entries,omitempty"`
	Next     uint64          `json:"next,omitempty"`
}

// LeafView is one statement as the auditor sees it.
type LeafView struct {
	Index   uint64 `json:"index"`
	Leaf    string `json:"leaf"`
	Type    string `json:"type,omitempty"`
	Thread  string `json:"thread,omitempty"`
	Time    string `json:"time,omitempty"`
	By      string `json:"by,omitempty"`
	Event   string `json:"event,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	Code    string `json:"code,omitempty"`
	Act     string `json:"act"`     // present, later, withdrawn, destroyed
	Content string `json:"content"` //
}

// ProofReq asks for evidence of one statement: by journal and index, by release or by control number.
type ProofReq struct {
	Origin  string `json:"origin,omitempty"`
	Index   uint64 `json:"index,omitempty"`
	Control string `json:"control,omitempty"` // the dispatch and registry receipt of this item
	Release string `json:"release,omitempty"` // the same by release id
	Open    bool   `json:"open,omitempty"`    // include content, not only acts
}

// BundleReq carries a bundle file in, or asks for one.
type BundleReq struct {
	Channel string `json:"channel,omitempty"`
	Bytes   []byte `json:"bytes,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"`
}

// BundleView says what a bundle held.
type BundleView struct {
	From        string       `json:"from"`
	Statements  int          `json:"statements"`
	New         int          `json:"new"`
	Receipts    int          `json:"receipts"`
	ReceiptOnly bool         `json:"receipts_only"`
	Duplicate   bool         `json:"duplicate"`
	Applied     bool         `json:"applied"`
	Findings    []string     `json:"findings,omitempty"`
	Answer      []byte       `json:"answer,omitempty"`  // bytes to carry back; empty when none is due
	Problem     *api.Failure `json:"problem,omitempty"` // why nothing new was taken from it
}

// SyncView says what an exchange over the network did.
type SyncView struct {
	Rounds   int          `json:"rounds"`
	Sent     int          `json:"sent"`
	Received int          `json:"received"`
	Error    string       `json:"error,omitempty"`
	Problem  *api.Failure `json:"problem,omitempty"` // the first failure
}
