// Package api is the operator interface of a node: one named operation per thing a person can do, JSON in, JSON out,
// over HTTP on a socket that only the node's own operating-system account can open.
//
// The command line is its first client and the screens are the second; both go through the same operations, so neither
// can show what the other would refuse. An operation is declared with [Handle] and called with [Call]. Where no
// node process runs, [InProcess] gives a client that calls the same handler without a socket.
//
// Who acts is said in the header Entente-As by the alias of a person in the node's book. On this socket the node attests
// it ("node-attested"): whoever can use the account of the node can say any alias. Stronger proofs have their place
// in the statement format.
//
// Requests are strict: unknown fields, trailing data and bodies over [MaxBody] are refused. A failure is JSON with the
// fields of errs.Error; it is for people of this node and is never shown to a peer.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"entente/agreement"
	"entente/errs"
	"entente/label"
)

// MaxBody caps a request or answer, in bytes: a full bundle in base64 with room to spare.
const MaxBody = 32 << 20

const headerAs = "Entente-As"

// Mux holds the operations of a node.
type Mux struct{ mux http.ServeMux }

// ServeHTTP answers one operation.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// Handle declares the operation name ("release.approve"). do receives the alias of the person who acts, which may be
// empty: whether that is enough is its decision.
func Handle[Req, Resp any](m *Mux, name string, do func(ctx context.Context, as string, req *Req) (*Resp, error)) {
	m.mux.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) {
		req := new(Req)
		if err := decode(http.MaxBytesReader(w, r.Body, MaxBody), req); err != nil {
			writeFailure(w, err)
			return
		}
		resp, err := do(r.Context(), r.Header.Get(headerAs), req)
		if err != nil {
			writeFailure(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(resp)
	})
}

func decode(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return &errs.Error{Kind: errs.Invalid, Code: "api.request", Op: "api.decode", Err: err}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &errs.Error{Kind: errs.Invalid, Code: "api.request", Op: "api.decode", Reason: "trailing data"}
	}
	return nil
}

// Failure is the JSON form of a failure, on this socket and on standard output with --json.
type Failure struct {
	Kind    string `json:"kind"`
	Code    string `json:"code"`
	Op      string `json:"op,omitempty"`
	Subject string `json:"subject,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Article string `json:"article,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Next    string `json:"next,omitempty"`
	Cause   string `json:"cause,omitempty"`
	// The same in Japanese, where the room that refused says it itself.
	ReasonJA string `json:"reason_ja,omitempty"`
	NextJA   string `json:"next_ja,omitempty"`
}

// FailureOf flattens err: the outermost error's fields, completed from the ones it wraps.
func FailureOf(err error) Failure {
	f := Failure{Kind: errs.KindOf(err).String(), Code: string(errs.CodeOf(err))}
	fill := func(dst *string, s string) {
		if *dst == "" {
			*dst = s
		}
	}
	if said := (*agreement.Said)(nil); errors.As(err, &said) {
		f.ReasonJA, f.NextJA = said.Text.JA, said.Change.JA
	}
	for cur := err; cur != nil; {
		var e *errs.Error
		if !errors.As(cur, &e) {
			fill(&f.Cause, cur.Error())
			break
		}
		fill(&f.Op, e.Op)
		fill(&f.Subject, e.Subject)
		fill(&f.Rule, e.Rule)
		fill(&f.Article, e.Article)
		fill(&f.Reason, e.Reason)
		fill(&f.Next, e.Next)
		cur = e.Err
	}
	return f
}

func kindNamed(name string) errs.Kind {
	for k := errs.Internal; k <= errs.Usage; k++ {
		if k.String() == name {
			return k
		}
	}
	return errs.Internal
}

// Err rebuilds the failure.
func (f Failure) Err() error {
	e := &errs.Error{Kind: kindNamed(f.Kind), Code: errs.Code(f.Code), Op: f.Op, Subject: f.Subject, Rule: f.Rule,
		Article: f.Article, Reason: f.Reason, Next: f.Next}
	if f.Cause != "" {
		e.Err = errors.New(f.Cause)
	} else if f.ReasonJA != "" {
		e.Err = &agreement.Said{Text: label.Text{EN: f.Reason, JA: f.ReasonJA}, Change: label.Text{EN: f.Next, JA: f.NextJA}}
	}
	return e
}

func writeFailure(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	status := http.StatusInternalServerError
	switch errs.KindOf(err) {
	case errs.Invalid, errs.Usage:
		status = http.StatusBadRequest
	case errs.Refused, errs.Withheld:
		status = http.StatusForbidden
	case errs.NotFound:
		status = http.StatusNotFound
	case errs.Conflict, errs.Integrity:
		status = http.StatusConflict
	case errs.Unavailable, errs.Fatal, errs.Quota:
		status = http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(FailureOf(err))
}

// Client calls the operations of one node as one person.
type Client struct {
	http *http.Client
	as   string
}

// Dial returns a client that talks to the node listening on the Unix socket at path.
func Dial(path, as string) *Client {
	d := &net.Dialer{}
	return &Client{as: as, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) }}}}
}

// InProcess returns a client that calls h directly.
func InProcess(h http.Handler, as string) *Client {
	return &Client{as: as, http: &http.Client{Transport: inProcess{h}}}
}

type inProcess struct{ h http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	t.h.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// As returns the same client acting as another person.
func (c *Client) As(alias string) *Client { return &Client{http: c.http, as: alias} }

// Call runs the operation name and decodes its answer into resp, which may be nil.
func (c *Client) Call(ctx context.Context, name string, req, resp any) error {
	if strings.ContainsAny(name, "/?#") {
		return &errs.Error{Kind: errs.Internal, Code: "api.name", Op: "api.call", Subject: name}
	}
	body, err := json.Marshal(req)
	if err != nil {
		return &errs.Error{Kind: errs.Internal, Code: "api.encode", Op: "api.call", Subject: name, Err: err}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://node/v1/"+name, bytes.NewReader(body))
	if err != nil {
		return &errs.Error{Kind: errs.Internal, Code: "api.call", Op: "api.call", Subject: name, Err: err}
	}
	r.Header.Set(headerAs, c.as)
	answer, err := c.http.Do(r)
	if dial := (*net.OpError)(nil); err != nil && !(errors.As(err, &dial) && dial.Op == "dial") {
		// The node took the request and did not answer: the act may have happened. Nobody may repeat it unseen.
		return &errs.Error{Kind: errs.Unavailable, Code: "api.interrupted", Op: "api.call", Subject: name, Err: err,
			Reason: "the node stopped before it answered; the act happened whole or not at all", Next: "start the node, look whether it happened, and only then repeat it"}
	} else if err != nil {
		return &errs.Error{Kind: errs.Unavailable, Code: "api.unreachable", Op: "api.call", Subject: name, Err: err,
			Next: "check that the node is running: entente serve"}
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		var f Failure
		if err := json.NewDecoder(io.LimitReader(answer.Body, MaxBody)).Decode(&f); err != nil {
			return answerFailed(name, err)
		}
		return f.Err()
	}
	if resp == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, MaxBody)).Decode(resp); err != nil {
		return answerFailed(name, err)
	}
	return nil
}

// answerFailed: an answer that breaks off is a node that stopped; one that is no answer is a defect.
func answerFailed(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return &errs.Error{Kind: errs.Unavailable, Code: "api.interrupted", Op: "api.call", Subject: name, Err: err,
			Reason: "the node stopped while it answered; the act has happened", Next: "start the node and look at what it did"}
	}
	return &errs.Error{Kind: errs.Internal, Code: "api.answer", Op: "api.call", Subject: name, Err: err}
}
