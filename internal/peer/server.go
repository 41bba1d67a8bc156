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
	"time"

	"entente/errs"
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
}

// Server is the listening half of the peer protocol.
type Server struct {
	cfg  ServerConfig
	http *http.Server
	tls  *tls.Config
}

// NewServer prepares a server; Serve starts it.
func NewServer(cfg ServerConfig) (*Server, error) {
	s := &Server{cfg: cfg}
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
		ReadHeaderTimeout: 10 * time.Second, // a slow-loris gets this long and no more
		ReadTimeout:       cfg.Timeout,
		WriteTimeout:      cfg.Timeout,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Serve accepts connections on l until Shutdown. It returns nil after a clean stop.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(tls.NewListener(l, s.tls))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return &errs.Error{Kind: errs.Unavailable, Code: "peer.listen", Op: "peer.serve", Err: err}
}

// Shutdown stops accepting and waits for requests under way, at most until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

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
	raw := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, raw); err != nil {
		s.cfg.Refused("exchange.bundle.truncated")
		writeError(w, &errs.Error{Kind: errs.Invalid, Code: "exchange.bundle.truncated"})
		return
	}
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
