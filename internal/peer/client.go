package peer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"io"
	"net/http"
	"sync"
	"time"

	"entente/errs"
)

// ClientConfig is what a Client needs. All fields are required.
type ClientConfig struct {
	Key     *ecdsa.PrivateKey // P-384 TLS key of this node
	MaxBody int64             // bytes; larger answers are refused unread
	Timeout time.Duration     // longest a whole exchange may take
}

// Client posts bundles to paired nodes. Connections are kept and reused, one pool per pinned key, so that a
// connection is never used for another peer than the one whose key it was checked against.
type Client struct {
	cfg   ClientConfig
	mu    sync.Mutex
	pools map[Pin]*http.Client
}

// NewClient returns a client; Close ends its connections.
func NewClient(cfg ClientConfig) *Client { return &Client{cfg: cfg, pools: map[Pin]*http.Client{}} }

func (c *Client) pool(pin Pin) (*http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.pools[pin]; h != nil {
		return h, nil
	}
	conf, err := pinnedTLS(c.cfg.Key, func(p Pin) bool { return p == pin })
	if err != nil {
		return nil, err
	}
	conf.NextProtos = []string{"http/1.1"}
	conf.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	h := &http.Client{
		Timeout: c.cfg.Timeout,
		Transport: &http.Transport{
			TLSClientConfig: conf, MaxIdleConnsPerHost: 4, IdleConnTimeout: 5 * time.Minute,
			MaxResponseHeaderBytes: 8 << 10, DisableCompression: true, Proxy: nil, // never leave by another door
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.pools[pin] = h
	return h, nil
}

// Post sends one bundle to addr ("host:port") and returns the answering bundle, empty if none was due. A failure to
// reach the peer has Kind Unavailable and code peer.unreachable; a refusal by the peer keeps its kind and code.
func (c *Client) Post(ctx context.Context, addr string, pin Pin, raw []byte) ([]byte, error) {
	if addr == "" {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "peer.address", Op: "peer.post", Reason: "no address of the partner's node is known",
			Next: "add its card again with --address HOST:PORT, or carry bundles as files: entente bundle pack"}
	}
	h, err := c.pool(pin)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+addr+Path, bytes.NewReader(raw))
	if err != nil {
		return nil, &errs.Error{Kind: errs.Invalid, Code: "peer.address", Op: "peer.post", Subject: addr, Err: err,
			Next: "correct the partner's address in its pairing"}
	}
	req.Header.Set("Content-Type", MediaType)
	resp, err := h.Do(req)
	if err != nil {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "peer.unreachable", Op: "peer.post", Subject: addr, Err: err,
			Next: "nothing is lost: the node sends again; a bundle can also be carried as a file"}
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNoContent:
		return nil, nil
	case resp.StatusCode != http.StatusOK:
		return nil, readError(resp)
	case resp.ContentLength < 0 || resp.ContentLength > c.cfg.MaxBody:
		return nil, &errs.Error{Kind: errs.Invalid, Code: "exchange.bundle.oversized", Op: "peer.post", Subject: addr}
	}
	answer := make([]byte, resp.ContentLength)
	if _, err := io.ReadFull(resp.Body, answer); err != nil {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "peer.unreachable", Op: "peer.post", Subject: addr, Err: err}
	}
	return answer, nil
}

// Close ends idle connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.pools {
		h.CloseIdleConnections()
	}
}
