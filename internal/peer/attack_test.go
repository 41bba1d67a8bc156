package peer

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"entente/errs"
)

func (b *bench) dial(t *testing.T) *tls.Conn {
	t.Helper()
	conf, err := pinnedTLS(b.clientKey, func(Pin) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", b.addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// stall sends a header that promises a body, and only the first byte of it.
func stall(t *testing.T, conn net.Conn, length int) {
	t.Helper()
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\nx", Path, MediaType, length); err != nil {
		t.Fatal(err)
	}
}

func TestAPartnerThatStallsUsesUpItsOwnPlacesOnly(t *testing.T) {
	b := start(t, true, receiver(func([]byte) ([]byte, error) { return nil, nil }))
	c := b.client(t)
	for range 2 { // PerPeer
		stall(t, b.dial(t), 1000)
	}
	var err error
	for range 200 { // until both are being waited for
		if _, err = c.Post(t.Context(), b.addr, b.serverPin, []byte("x")); err != nil {
			break
		}
	}
	if errs.CodeOf(err) != "peer.busy" || errs.KindOf(err) != errs.Unavailable {
		t.Errorf("a third request of one partner: %v", err)
	}
}

func TestABodySlowerThanTheSlowestLinkIsCutOff(t *testing.T) {
	s := &Server{cfg: ServerConfig{Rate: 16 << 10, Timeout: time.Hour}}
	if got := s.bodyTime(16 << 20); got < 17*time.Minute || got > 18*time.Minute {
		t.Errorf("a full bundle may take %v on the way in", got)
	}
	if got := s.bodyTime(1000); got > 15*time.Second {
		t.Errorf("a short one may take %v", got)
	}
}

func TestTakingBackAPairingEndsItsOpenConnections(t *testing.T) {
	b := start(t, true, receiver(func([]byte) ([]byte, error) { return []byte("secret"), nil }))
	c := b.client(t)
	if _, err := c.Post(t.Context(), b.addr, b.serverPin, []byte("x")); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.forgotten = true
	b.mu.Unlock()
	// The connection is open and was authenticated; the next request on it is a stranger's.
	if got, err := c.Post(t.Context(), b.addr, b.serverPin, []byte("x")); errs.CodeOf(err) != "peer.unknown" || got != nil {
		t.Errorf("answered %q, %v", got, err)
	}
}

func TestOneAddressCannotUseUpTheConnections(t *testing.T) {
	b := start(t, true, receiver(func([]byte) ([]byte, error) { return nil, nil }))
	var open []net.Conn
	for range 4 { // a quarter of 16, none of which ever begins a handshake
		conn, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	over, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	over.SetReadDeadline(time.Now().Add(4 * time.Second))
	if _, err := over.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the fifth connection stays open: %v", err)
	}
	for _, c := range open {
		c.Close()
	}
	c := b.client(t)
	for range 100 { // places come back when the server notices
		if _, err = c.Post(t.Context(), b.addr, b.serverPin, []byte("x")); err == nil {
			return
		}
	}
	t.Errorf("no place came back: %v", err)
}

func isTimeout(err error) bool { n, ok := err.(net.Error); return ok && n.Timeout() }

func TestAPartnersDefectIsNotOurs(t *testing.T) {
	for _, kind := range []errs.Kind{errs.Fatal, errs.Internal, errs.Usage} {
		resp := &http.Response{StatusCode: 500, Header: http.Header{headerCode: {"store.fsync"}, headerKind: {fmt.Sprint(uint8(kind))}}}
		if err := readError(resp); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("a partner's %v became %v here", kind, errs.KindOf(err))
		}
	}
}

func TestARequestWithoutALengthIsRefusedUnread(t *testing.T) {
	b := start(t, true, receiver(func([]byte) ([]byte, error) { t.Error("reached"); return nil, nil }))
	conn := b.dial(t)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", Path, MediaType)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if code := resp.Header.Get(headerCode); code != "exchange.bundle.oversized" {
		t.Errorf("chunked: %s", code)
	}
	body, _ := io.ReadAll(resp.Body)
	if len(body) != 0 || strings.Contains(fmt.Sprint(resp.Header), "Reason") {
		t.Errorf("more than kind and code: %q %v", body, resp.Header)
	}
}
