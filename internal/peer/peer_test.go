package peer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"entente/errs"
)

type receiver func([]byte) ([]byte, error)

func (f receiver) Receive(_ context.Context, raw []byte) ([]byte, error) { return f(raw) }

func newKey(t *testing.T) (*ecdsa.PrivateKey, Pin) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pin, err := PinOf(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return k, pin
}

type bench struct {
	addr         string
	serverPin    Pin
	clientKey    *ecdsa.PrivateKey
	mu           sync.Mutex
	refusedCodes []errs.Code
	forgotten    bool // the client's pairing was taken back
}

func known(paired bool, b *bench) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return paired && !b.forgotten
}

func start(t *testing.T, knowClient bool, r Receiver) *bench {
	t.Helper()
	serverKey, serverPin := newKey(t)
	clientKey, clientPin := newKey(t)
	b := &bench{serverPin: serverPin, clientKey: clientKey}
	srv, err := NewServer(ServerConfig{Key: serverKey, Receiver: r, MaxBody: 1 << 16, Logger: slog.New(slog.DiscardHandler),
		Timeout: 5 * time.Second, Concurrent: 4, PerPeer: 2, Connections: 16, Rate: 1 << 10,
		Known:   func(p Pin) bool { return known(knowClient, b) && p == clientPin },
		Refused: func(c errs.Code) { b.mu.Lock(); b.refusedCodes = append(b.refusedCodes, c); b.mu.Unlock() }})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) client(t *testing.T) *Client {
	c := NewClient(ClientConfig{Key: b.clientKey, MaxBody: 1 << 16, Timeout: 5 * time.Second})
	t.Cleanup(c.Close)
	return c
}

func (b *bench) refused() []errs.Code { b.mu.Lock(); defer b.mu.Unlock(); return b.refusedCodes }

func TestAPairedNodeIsAnswered(t *testing.T) {
	b := start(t, true, receiver(func(raw []byte) ([]byte, error) {
		if len(raw) == 0 {
			return nil, nil
		}
		return append([]byte("re:"), raw...), nil
	}))
	c := b.client(t)
	big := bytes.Repeat([]byte{7}, 60_000)
	got, err := c.Post(t.Context(), b.addr, b.serverPin, big)
	if err != nil || !bytes.Equal(got, append([]byte("re:"), big...)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if got, err := c.Post(t.Context(), b.addr, b.serverPin, nil); err != nil || got != nil {
		t.Errorf("no answer was due: %q %v", got, err)
	}
}

func TestStrangersNeverReachTheReceiver(t *testing.T) {
	reached := false
	b := start(t, false, receiver(func([]byte) ([]byte, error) { reached = true; return nil, nil }))
	if _, err := b.client(t).Post(t.Context(), b.addr, b.serverPin, []byte("x")); errs.CodeOf(err) != "peer.unreachable" {
		t.Errorf("stranger got %v", err)
	}
	if reached || len(b.refused()) == 0 || b.refused()[0] != "peer.unknown" {
		t.Errorf("reached %v, refused %v", reached, b.refused())
	}
}

func TestTheWrongServerKeyIsRefused(t *testing.T) {
	b := start(t, true, receiver(func([]byte) ([]byte, error) { return []byte("x"), nil }))
	_, other := newKey(t)
	_, err := b.client(t).Post(t.Context(), b.addr, other, []byte("x"))
	if !errs.HasCode(err, "peer.unknown") {
		t.Errorf("talked to a server with another key: %v", err)
	}
}

func TestKindAndCodeCrossTheWireAndTextDoesNot(t *testing.T) {
	b := start(t, true, receiver(func([]byte) ([]byte, error) {
		return nil, &errs.Error{Kind: errs.Integrity, Code: "exchange.bundle.mac", Reason: "words for this side only"}
	}))
	_, err := b.client(t).Post(t.Context(), b.addr, b.serverPin, []byte("x"))
	if errs.KindOf(err) != errs.Integrity || errs.CodeOf(err) != "exchange.bundle.mac" || strings.Contains(err.Error(), "this side only") {
		t.Errorf("%v", err)
	}
}

func TestOnlyOneRouteAndCappedBodies(t *testing.T) {
	b := start(t, true, receiver(func([]byte) ([]byte, error) { t.Error("reached"); return nil, nil }))
	if _, err := b.client(t).Post(t.Context(), b.addr, b.serverPin, make([]byte, 1<<16+1)); errs.CodeOf(err) != "exchange.bundle.oversized" {
		t.Errorf("oversized: %v", err)
	}
	conf, err := pinnedTLS(b.clientKey, func(p Pin) bool { return p == b.serverPin })
	if err != nil {
		t.Fatal(err)
	}
	raw := &http.Client{Transport: &http.Transport{TLSClientConfig: conf}}
	defer raw.CloseIdleConnections()
	for _, try := range []struct{ method, path, media string }{
		{http.MethodGet, Path, MediaType}, {http.MethodPost, "/", MediaType}, {http.MethodPost, Path + "?x=1", MediaType}, {http.MethodPost, Path, "text/plain"},
	} {
		req, _ := http.NewRequest(try.method, "https://"+b.addr+try.path, strings.NewReader("x"))
		req.Header.Set("Content-Type", try.media)
		resp, err := raw.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%v: status %d", try, resp.StatusCode)
		}
	}
}

func TestTheHandshakeIsPostQuantumAndTLS13(t *testing.T) {
	b := start(t, true, receiver(func([]byte) ([]byte, error) { return nil, nil }))
	conf, err := pinnedTLS(b.clientKey, func(Pin) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", b.addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if st := conn.ConnectionState(); st.Version != tls.VersionTLS13 || st.CurveID != tls.SecP384r1MLKEM1024 {
		t.Errorf("version %x, group %v", st.Version, st.CurveID)
	}
	classical := conf.Clone()
	classical.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	if c, err := tls.Dial("tcp", b.addr, classical); err == nil {
		c.Close()
		t.Error("a classical key exchange was accepted")
	}
}

func TestHostileErrorHeadersBecomeOneCode(t *testing.T) {
	for _, code := range []string{"", "UPPER", "with space", strings.Repeat("a", 65), "x\"y"} {
		resp := &http.Response{StatusCode: 500, Header: http.Header{headerCode: {code}, headerKind: {"99"}}}
		if err := readError(resp); errs.CodeOf(err) != "peer.answer" || errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%q gave %v", code, err)
		}
	}
}
