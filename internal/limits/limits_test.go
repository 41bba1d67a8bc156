package limits

import (
	"testing"
	"time"
)

// The reasons given beside the numbers are arithmetic; this is the arithmetic.
func TestReasonsHold(t *testing.T) {
	if got := PeerExchange; got < 30*time.Minute || got > 40*time.Minute {
		t.Errorf("one exchange may take %v", got)
	}
	if held := PeerConcurrent * 2 * PeerBody; held > 512<<20 {
		t.Errorf("peers at work can hold %d bytes", held)
	}
	if OperatorBody < PeerBody/3*4+4096 {
		t.Error("a full bundle in base64 does not fit an operator request")
	}
	if DiskHeadroom < 8*PeerBody {
		t.Error("the headroom is less than a few bundles")
	}
}
