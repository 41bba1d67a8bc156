// Package identity says who acts at a node: posts with their roles and clearances, the delegations they hold, and the
// pseudonymous handles under which partners see them.
//
// Staff come from a staff file (TOML) that the key custodian loads. The file names posts by alias, never people by name;
// whoever must know which person holds a post keeps that list outside the node. [Handle] derives the handle of a
// post in one channel: stable there, unlinkable elsewhere without the node's storage key.
package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"entente/errs"
	"entente/party"
	"entente/statement"

	"github.com/pelletier/go-toml/v2"
)

// MaxStaffFile caps a staff file, in bytes; MaxPosts the posts in one, and the delegations.
const (
	MaxStaffFile = 256 << 10
	MaxPosts     = 512
)

// Staff is what a staff file says, checked. Handles in it are local ids; Delegation.Holder is filled per channel.
type Staff struct {
	Persons     []party.Person
	Delegations []Delegation
}

// Delegation is a delegation and the alias of the post that holds it.
type Delegation struct {
	Post string           `cbor:"1,keyasint"`
	Body party.Delegation `cbor:"2,keyasint"`
}

type staffFile struct {
	Format string `toml:"format"`
	Posts  []struct {
		Alias        string   `toml:"alias"`
		Agency       string   `toml:"agency"`
		Nationality  string   `toml:"nationality"`
		Roles        []string `toml:"roles"`
		Levels       []string `toml:"levels"`
		Designations []string `toml:"designations"`
		ClearedFrom  string   `toml:"cleared_from"`
		ClearedUntil string   `toml:"cleared_until"`
		Briefed      bool     `toml:"briefed"`
	} `toml:"post"`
	Delegations []struct {
		ID           string   `toml:"id"`
		Post         string   `toml:"post"`
		Office       string   `toml:"office"`
		Role         string   `toml:"role"`
		Ceiling      string   `toml:"ceiling"`
		Designations []string `toml:"designations"`
		Recipients   []string `toml:"recipients"`
		Means        []string `toml:"means"`
		From         string   `toml:"from"`
		Until        string   `toml:"until"`
		Instrument   string   `toml:"instrument"`
	} `toml:"delegation"`
}

func bad(subject, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: "identity.staff", Op: "identity.staff", Subject: subject, Reason: reason,
		Next: "correct the staff file and load it again"}
}

func moment(subject, s string) (int64, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, bad(subject, "dates are RFC 3339, such as 2026-01-01T00:00:00Z")
	}
	return t.UnixMilli(), nil
}

// ParseStaff reads a staff file of authority's node under the policy with the given OID. newID makes local ids. Every
// post and delegation is checked; separation of duties is refused here, before anything is stored.
func ParseStaff(raw []byte, authority party.Authority, policy string, newID func() party.Handle) (*Staff, error) {
	if len(raw) > MaxStaffFile {
		return nil, bad("file", "larger than 256 KiB")
	}
	var f staffFile
	if err := strictTOML(raw, &f); err != nil {
		return nil, err
	}
	if f.Format != "entente-staff/1" {
		return nil, bad("format", `the first line must be format = "entente-staff/1"`)
	}
	if len(f.Posts) > MaxPosts || len(f.Delegations) > MaxPosts {
		return nil, bad("file", "more than 512 posts or delegations")
	}
	s := &Staff{}
	posts := map[string]bool{}
	for _, p := range f.Posts {
		if p.Alias == "" || len(p.Alias) > 64 || posts[p.Alias] || strings.ContainsFunc(p.Alias, unicode.IsControl) {
			return nil, bad("post", "an alias is missing, too long, used twice or has control characters")
		}
		posts[p.Alias] = true
		person := party.Person{ID: newID(), Alias: p.Alias, Briefed: p.Briefed}
		var err error
		if person.Agency, err = party.ParseAuthority(p.Agency); err != nil {
			return nil, bad("post "+p.Alias, "the agency is malformed")
		}
		if person.Nationality, err = party.ParseParty(p.Nationality); err != nil {
			return nil, bad("post "+p.Alias, "the nationality is malformed")
		}
		for _, r := range p.Roles {
			person.Roles = append(person.Roles, party.Role(r))
		}
		if err := person.CheckDuties(); err != nil {
			return nil, err
		}
		if len(p.Levels) > 0 {
			c := party.Clearance{Policy: policy, Levels: p.Levels, Designations: p.Designations, Issuer: person.Agency}
			if p.ClearedFrom != "" {
				if c.From, err = moment("post "+p.Alias, p.ClearedFrom); err != nil {
					return nil, err
				}
			}
			if c.Until, err = moment("post "+p.Alias, p.ClearedUntil); err != nil {
				return nil, err
			}
			person.Clearances = []party.Clearance{c}
		}
		s.Persons = append(s.Persons, person)
	}
	ids := map[string]bool{}
	for _, d := range f.Delegations {
		subject := "delegation " + d.ID
		switch {
		case d.ID == "" || len(d.ID) > 64 || ids[d.ID]:
			return nil, bad(subject, "an id is missing, too long or used twice")
		case !posts[d.Post]:
			return nil, bad(subject, "the post is not in the file")
		case d.Instrument == "" || d.Office == "":
			return nil, bad(subject, "office and instrument must be named")
		case !party.Role(d.Role).Valid() || party.Role(d.Role) == party.RoleNode:
			return nil, bad(subject, "unknown role")
		}
		ids[d.ID] = true
		out := Delegation{Post: d.Post, Body: party.Delegation{ID: d.ID, Authority: authority, Office: d.Office, Role: party.Role(d.Role),
			Ceiling: d.Ceiling, Designated: d.Designations, Instrument: d.Instrument}}
		for _, r := range d.Recipients {
			p, err := party.ParseParty(r)
			if err != nil {
				return nil, bad(subject, "a recipient is malformed")
			}
			out.Body.Recipients = append(out.Body.Recipients, p)
		}
		for _, m := range d.Means {
			if m := party.Means(m); m != party.MeansNetwork && m != party.MeansCourier {
				return nil, bad(subject, "unknown means")
			}
			out.Body.Means = append(out.Body.Means, party.Means(m))
		}
		// Lists travel sorted, each entry once, whatever the order in which a person wrote them.
		slices.Sort(out.Body.Recipients)
		out.Body.Recipients = slices.Compact(out.Body.Recipients)
		slices.Sort(out.Body.Means)
		out.Body.Means = slices.Compact(out.Body.Means)
		out.Body.Designated = slices.Compact(slices.Sorted(slices.Values(out.Body.Designated)))
		var err error
		if out.Body.From, err = moment(subject, d.From); err != nil {
			return nil, err
		}
		if out.Body.Until, err = moment(subject, d.Until); err != nil {
			return nil, err
		}
		// Refused here rather than when it is to be told to a partner: then a whole agreement could not be loaded.
		told := statement.DelegationTerms{Delegation: out.Body}
		told.Delegation.Holder = party.Handle{1} // who holds the post is filled in per channel
		if told.Check() != nil {
			return nil, bad(subject, "id, ceiling, designations or a text has characters that do not travel, or it ends before it begins")
		}
		s.Delegations = append(s.Delegations, out)
	}
	if err := s.checkDelegatedRoles(); err != nil {
		return nil, err
	}
	return s, nil
}

// checkDelegatedRoles refuses a delegation to somebody who does not hold the role: a letter does not make a role.
func (s *Staff) checkDelegatedRoles() error {
	for _, d := range s.Delegations {
		for i := range s.Persons {
			if s.Persons[i].Alias == d.Post && !s.Persons[i].Has(d.Body.Role) {
				return bad("delegation "+d.Body.ID, "the post does not hold the delegated role")
			}
		}
	}
	return nil
}

func strictTOML(raw []byte, v any) error {
	d := toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		return nil
	}
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		return bad("file", "unknown key: "+strict.Errors[0].Error())
	}
	return bad("file", err.Error())
}

// Handle is the pseudonym of a person in one channel. secret is the node's storage key.
func Handle(secret [32]byte, channel [48]byte, person party.Handle) party.Handle {
	m := hmac.New(sha512.New384, secret[:])
	m.Write([]byte("entente/handle/1\x00"))
	m.Write(channel[:])
	m.Write(person[:])
	var h party.Handle
	copy(h[:], m.Sum(nil))
	return h
}
