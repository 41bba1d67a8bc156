// Package peer carries bundles between nodes over HTTPS: one client, one server, one route.
//
// TLS 1.3 with post-quantum key exchange and mutual authentication by pinned keys is the outer coat only. It keeps
// passers-by away and hides traffic from them; confidentiality and authenticity are carried by the sealed bundle and
// the signed journal, which package exchange checks again whatever transport was used. No certificate authority,
// revocation service or name service is consulted: a peer is whoever holds the key whose SHA-384 stands in its key
// statement.
//
// The server takes POST /entente/1/bundle and nothing else, caps the body before it reads it, and answers with a bundle
// or with no content. Errors cross the wire as kind and code, mapped both ways in errors.go; text never crosses.
//
// Nothing here is durable: a process that dies in the middle of a request leaves no trace, and the sender sends again.
package peer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"

	"entente/errs"
)

// Pin is the SHA-384 digest of a TLS public key (SubjectPublicKeyInfo), as it stands in a key statement.
type Pin [sha512.Size384]byte

// PinOf returns the pin of a public key.
func PinOf(pub crypto.PublicKey) (Pin, error) {
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return Pin{}, &errs.Error{Kind: errs.Internal, Code: "peer.pin", Op: "peer.pin", Err: err}
	}
	return sha512.Sum384(spki), nil
}

// certificate wraps key in a self-signed certificate. Only the key is ever looked at by the other side; names and dates
// are filler that the X.509 format demands.
func certificate(key *ecdsa.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "entente"},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, &errs.Error{Kind: errs.Internal, Code: "peer.certificate", Op: "peer.certificate", Err: err}
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// pinnedTLS is the part of the configuration that both ends share. known decides on the other side's pin; it is
// asked on every handshake, also on a resumed one.
func pinnedTLS(key *ecdsa.PrivateKey, known func(Pin) bool) (*tls.Config, error) {
	cert, err := certificate(key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// One group only: the library orders a longer list by its own taste and would pick the weaker.
		CurvePreferences: []tls.CurveID{tls.SecP384r1MLKEM1024},
		Certificates:     []tls.Certificate{cert},
		// Chains and names mean nothing here, so the library's own verification is replaced, not weakened:
		// VerifyConnection below refuses every key that is not pinned, on both sides.
		InsecureSkipVerify: true,
		ClientAuth:         tls.RequireAnyClientCert,
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return &errs.Error{Kind: errs.Refused, Code: "peer.unknown", Op: "peer.handshake", Reason: "no key shown"}
			}
			pin, err := PinOf(cs.PeerCertificates[0].PublicKey)
			if err != nil {
				return err
			}
			if !known(pin) {
				return &errs.Error{Kind: errs.Refused, Code: "peer.unknown", Op: "peer.handshake",
					Reason: "the key shown belongs to no paired node", Next: "pair with the node first, or ask it which key it uses"}
			}
			return nil
		},
	}, nil
}
