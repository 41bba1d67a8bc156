package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"entente/errs"
	"entente/internal/limits"
)

// Path is the one route of the peer protocol.
const Path = "/entente/1/bundle"

// MediaType marks a bundle.
const MediaType = "application/vnd.entente.bundle"

// Receiver takes a bundle that arrived and returns the bytes to answer with; none means no answer is due.
type Receiver interface {
	Receive(ctx context.Context, raw []byte) (answer []byte, err error)
}

// ServerConfig is what a Server needs. All fields are required.
type ServerConfig struct {
	Key      *ecdsa.PrivateKey // P-384 TLS key of this node
	Known    func(Pin) bool    // is this the key of a paired node, now?
	Receiver Receiver          //
	Refused  func(errs.Code)   // told of every stranger and every malformed request, for the national journal
	MaxBody  int64             // bytes; larger bodies are refused unread
	Logger   *slog.Logger      //
	Timeout  time.Duration     // longest a whole request may take

	Concurrent  int   // requests worked on at once; further ones are told to try later
	PerPeer     int   // of these, of one peer: a partner that stalls must not use up the others' share
	Connections int   // open at once; further ones are closed. A quarter of them at most from one address
	Rate        int64 // slowest link, in bytes per second, on which a body must still arrive in time
}

// Server is the listening half of the peer protocol.
type Server struct {
	cfg  ServerConfig
	http *http.Server
	tls  *tls.Config

	mu   sync.Mutex
	all  int         // requests worked on now
	busy map[Pin]int // of them, by peer
}

// NewServer prepares a server; Serve starts it.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Concurrent <= 0 || cfg.PerPeer <= 0 || cfg.Connections <= 0 || cfg.Rate <= 0 || cfg.Timeout <= 0 {
		return nil, &errs.Error{Kind: errs.Internal, Code: "peer.config", Op: "peer.serve", Reason: "a limit is not set"}
	}
	s := &Server{cfg: cfg, busy: map[Pin]int{}}
	conf, err := pinnedTLS(cfg.Key, func(p Pin) bool {
		ok := cfg.Known(p)
		if !ok {
			cfg.Refused("peer.unknown")
		}
		return ok
	})
	if err != nil {
		return nil, err
	}
	conf.NextProtos = []string{"http/1.1"}
	s.tls = conf
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: limits.HeaderTime, // of the handshake too: a slow-loris gets this long and no more
		ReadTimeout:       cfg.Timeout,
		WriteTimeout:      cfg.Timeout,
		IdleTimeout:       limits.IdleTime,
		MaxHeaderBytes:    limits.HeaderBytes,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Serve accepts connections on l until Shutdown. It returns nil after a clean stop.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(tls.NewListener(&limited{Listener: l, most: s.cfg.Connections, from: map[string]int{}}, s.tls))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return &errs.Error{Kind: errs.Unavailable, Code: "peer.listen", Op: "peer.serve", Err: err}
}

// Shutdown stops accepting and waits for requests under way, at most until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// admit takes a place for one request of the peer on this connection, which must still be paired: the handshake may be hours ago.
func (s *Server) admit(r *http.Request) (leave func(), err error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, &errs.Error{Kind: errs.Refused, Code: "peer.unknown", Op: "peer.serve", Reason: "no key shown"}
	}
	pin, err := PinOf(r.TLS.PeerCertificates[0].PublicKey)
	if err != nil {
		return nil, err
	}
	if !s.cfg.Known(pin) {
		s.cfg.Refused("peer.unknown")
		return nil, &errs.Error{Kind: errs.Refused, Code: "peer.unknown", Op: "peer.serve", Reason: "the key belongs to no paired node any more"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= s.cfg.Concurrent || s.busy[pin] >= s.cfg.PerPeer {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "peer.busy", Op: "peer.serve", Reason: "too many requests are being worked on", Next: "try again later"}
	}
	s.all++
	s.busy[pin]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.busy[pin]--; s.busy[pin] == 0 {
			delete(s.busy, pin)
		}
	}, nil
}

// bodyTime is how long a body of so many bytes may take.
func (s *Server) bodyTime(length int64) time.Duration {
	return min(s.cfg.Timeout, time.Duration(length/s.cfg.Rate+1)*time.Second+limits.HeaderTime)
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != Path || r.URL.RawQuery != "" || r.Header.Get("Content-Type") != MediaType {
		s.cfg.Refused("peer.request")
		writeError(w, &errs.Error{Kind: errs.NotFound, Code: "peer.request"})
		return
	}
	if r.ContentLength < 0 || r.ContentLength > s.cfg.MaxBody {
		s.cfg.Refused("exchange.bundle.oversized")
		writeError(w, &errs.Error{Kind: errs.Invalid, Code: "exchange.bundle.oversized"})
		return
	}
	leave, err := s.admit(r)
	if err != nil {
		w.Header().Set("Connection", "close") // its body is not read
		writeError(w, err)
		return
	}
	defer leave()
	// No slower than the slowest link: whoever sends a byte now and then holds a place for nothing.
	deadline := http.NewResponseController(w)
	if err := deadline.SetReadDeadline(time.Now().Add(s.bodyTime(r.ContentLength))); err != nil {
		writeError(w, &errs.Error{Kind: errs.Internal, Code: "peer.deadline", Op: "peer.serve", Err: err})
		return
	}
	raw := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, raw); err != nil {
		s.cfg.Refused("exchange.bundle.truncated")
		writeError(w, &errs.Error{Kind: errs.Invalid, Code: "exchange.bundle.truncated"})
		return
	}
	_ = deadline.SetReadDeadline(time.Now().Add(s.cfg.Timeout)) // it would end the context of the work that follows
	answer, err := s.cfg.Receiver.Receive(r.Context(), raw)
	switch {
	case err != nil:
		writeError(w, err)
	case len(answer) == 0:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", MediaType)
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		w.Write(answer) // a failed write is the sender's concern: it will ask again
	}
}
