package peer

import (
	"net/http"
	"strconv"
	"strings"

	"entente/errs"
)

// Errors cross the wire as two headers. A peer learns what class of failure it met and its stable code; reasons,
// subjects and next steps stay at home, because they may say more than the peer should know.
const (
	headerKind = "Entente-Error-Kind"
	headerCode = "Entente-Error-Code"
)

// statusOf maps a kind to an HTTP status. This is the one mapping of this edge.
func statusOf(k errs.Kind) int {
	switch k {
	case errs.Invalid, errs.Usage:
		return http.StatusBadRequest
	case errs.Refused, errs.Withheld:
		return http.StatusForbidden
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict:
		return http.StatusConflict
	case errs.Quota:
		return http.StatusTooManyRequests
	case errs.Integrity:
		return http.StatusUnprocessableEntity
	case errs.Unavailable, errs.Fatal:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func writeError(w http.ResponseWriter, err error) {
	kind := errs.KindOf(err)
	w.Header().Set(headerKind, strconv.Itoa(int(kind)))
	w.Header().Set(headerCode, string(errs.CodeOf(err)))
	w.WriteHeader(statusOf(kind))
}

// readError rebuilds the failure a peer reported. A peer's words are hostile: the code is taken only in the closed
// alphabet of codes, and anything else becomes peer.answer.
func readError(resp *http.Response) error {
	kind := errs.Unavailable
	if n, err := strconv.ParseUint(resp.Header.Get(headerKind), 10, 8); err == nil && n <= uint64(errs.Usage) {
		switch kind = errs.Kind(n); kind {
		case errs.Internal, errs.Fatal, errs.Usage: // a partner's defect, disk or command line is not this node's
			kind = errs.Unavailable
		}
	}
	code := resp.Header.Get(headerCode)
	if len(code) == 0 || len(code) > 64 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		code = "peer.answer"
	}
	return &errs.Error{Kind: kind, Code: errs.Code(code), Op: "peer.post", Subject: "the partner's node",
		Reason: "the partner's node answered with status " + strconv.Itoa(resp.StatusCode)}
}
