package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"entente/errs"
)

func TestRequestsAreStrict(t *testing.T) {
	for name, tc := range map[string]struct{ method, path, body string }{
		"trailing data":       {"POST", "/v1/echo", `{"text":"a"}{"text":"b"}`},
		"trailing bracket":    {"POST", "/v1/echo", `{"text":"a"}]`},
		"not an object":       {"POST", "/v1/echo", `["a"]`},
		"nothing":             {"POST", "/v1/echo", ``},
		"another type":        {"POST", "/v1/echo", `{"text":1}`},
		"deep nesting":        {"POST", "/v1/echo", `{"text":` + strings.Repeat("[", 100_000)},
		"a number too large":  {"POST", "/v1/echo", `{"text":"a","n":1e999}`},
		"by another method":   {"GET", "/v1/echo", ""},
		"an unknown path":     {"POST", "/v1/other", `{}`},
		"a path that climbs":  {"POST", "/v1/../v1/echo/", `{}`},
		"outside the version": {"POST", "/echo", `{"text":"a"}`},
	} {
		w := httptest.NewRecorder()
		mux().ServeHTTP(w, httptest.NewRequest(tc.method, "http://node"+tc.path, strings.NewReader(tc.body)))
		if w.Code == http.StatusOK {
			t.Errorf("%s: answered %s", name, w.Body)
		}
	}
}

// A failure tells people of this node what, why and next; what lies beneath it comes as one line of cause, whatever wraps it.
func TestAFailureFlattensAnyChain(t *testing.T) {
	deep := error(errors.New("root"))
	for range 1000 {
		deep = &errs.Error{Kind: errs.Refused, Code: "test.deep", Err: deep}
	}
	f := FailureOf(deep)
	if f.Code != "test.deep" || f.Cause != "root" {
		t.Errorf("%+v", f)
	}
	b, err := json.Marshal(f)
	if err != nil || len(b) > 1000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestAnAnswerThatIsNoneBecomesOneFailure(t *testing.T) {
	for name, body := range map[string]string{"nothing": "", "not JSON": "<html>", "half": `{"Text":`} {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(body)) })
		err := InProcess(h, "x").Call(t.Context(), "echo", &echoReq{"a"}, &echoResp{})
		if c := errs.CodeOf(err); c != "api.answer" && c != "api.interrupted" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := InProcess(mux(), "x").Call(t.Context(), "../x", nil, nil); errs.CodeOf(err) != "api.name" {
		t.Errorf("a name with a path: %v", err)
	}
}
