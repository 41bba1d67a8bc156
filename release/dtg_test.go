package release

import (
	"testing"
	"time"
)

func TestDTGIsWrittenInUTC(t *testing.T) {
	at := time.Date(2019, 12, 17, 10, 45, 59, 0, time.FixedZone("JST", 9*3600))
	if got := DTG(at); got != "17 0145Z DEC 19" {
		t.Errorf("%q", got)
	}
	back, err := ParseDTG(DTG(at))
	if err != nil || !back.Equal(at.Truncate(time.Minute)) {
		t.Errorf("%v %v", back, err)
	}
}

func TestDTGHasTwoSpellingsAndNoMore(t *testing.T) {
	for s, ok := range map[string]bool{"170145Z DEC 19": true, "17 0145Z DEC 19": true, "290000Z FEB 24": true, "290000Z FEB 23": false,
		"310000Z APR 24": false, "000000Z JAN 24": false, "010000z JAN 24": false, "010000Z Jan 24": false, "012400Z JAN 24": false,
		"010060Z JAN 24": false, "010000M JAN 24": false, "010000Z JAN 2024": false, "010000Z  JAN 24": false, "": false,
		"+10000Z JAN 24": false, "01-100Z JAN 24": false, "010000Z JAN 24 ": false, "010000Z XXX 24": false} {
		if _, err := ParseDTG(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		} else if err != nil {
			wantCode(t, err, "release.dtg")
		}
	}
}
