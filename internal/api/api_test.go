package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"entente/errs"
)

type echoReq struct {
	Text string `json:"text"`
}
type echoResp struct {
	Text, As string
}

func mux() *Mux {
	m := &Mux{}
	Handle(m, "echo", func(_ context.Context, as string, r *echoReq) (*echoResp, error) {
		if r.Text == "no" {
			return nil, &errs.Error{Kind: errs.Refused, Code: "test.no", Op: "echo", Err: &errs.Error{Kind: errs.Invalid,
				Code: "test.inner", Rule: "rule 1", Article: "EXERCISE Art. 2", Reason: "because", Next: "ask again", Err: errors.New("root")}}
		}
		return &echoResp{r.Text, as}, nil
	})
	return m
}

func clients(t *testing.T) map[string]*Client {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux()}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return map[string]*Client{"socket": Dial(path, "alice-post"), "in process": InProcess(mux(), "alice-post")}
}

func TestBothClientsBehaveAlike(t *testing.T) {
	for name, c := range clients(t) {
		t.Run(name, func(t *testing.T) {
			var got echoResp
			if err := c.Call(t.Context(), "echo", &echoReq{"日本"}, &got); err != nil || got != (echoResp{"日本", "alice-post"}) {
				t.Fatalf("%v %v", got, err)
			}
			err := c.As("x").Call(t.Context(), "echo", &echoReq{"no"}, nil)
			f := FailureOf(err)
			want := Failure{Kind: "refused", Code: "test.no", Op: "echo", Rule: "rule 1", Article: "EXERCISE Art. 2", Reason: "because", Next: "ask again", Cause: "root"}
			if f != want {
				t.Errorf("got  %+v\nwant %+v", f, want)
			}
			if err := c.Call(t.Context(), "echo", map[string]any{"text": "a", "other": 1}, nil); errs.CodeOf(err) != "api.request" {
				t.Errorf("unknown field: %v", err)
			}
			if err := c.Call(t.Context(), "missing", &echoReq{}, nil); err == nil {
				t.Error("an unknown operation answered")
			}
			if err := c.Call(t.Context(), "echo", &echoReq{strings.Repeat("x", MaxBody)}, nil); errs.CodeOf(err) != "api.request" {
				t.Errorf("oversized: %v", err)
			}
		})
	}
}

func TestNoNodeIsSaidPlainly(t *testing.T) {
	err := Dial(filepath.Join(t.TempDir(), "none"), "").Call(t.Context(), "echo", &echoReq{}, nil)
	if errs.CodeOf(err) != "api.unreachable" || errs.KindOf(err) != errs.Unavailable {
		t.Error(err)
	}
}
