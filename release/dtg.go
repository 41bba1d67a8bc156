package release

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"entente/errs"
)

var months = [...]string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}

// DTG writes t as a date-time group in UTC, "17 0145Z DEC 19": day, time with its zone letter, month, year. Seconds
// are dropped. Other zones have no letter here on purpose: +13 has none at all.
func DTG(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%02d %02d%02dZ %s %02d", t.Day(), t.Hour(), t.Minute(), months[t.Month()-1], t.Year()%100)
}

// ParseDTG reads a date-time group, with or without the space after the day ("170145Z DEC 19", as reports write it, or
// "17 0145Z DEC 19", as DTG does). Only zone Z, capital month words and days that exist are accepted; the century is
// 20. Errors have code release.dtg.
func ParseDTG(s string) (time.Time, error) {
	bad := &errs.Error{Kind: errs.Invalid, Code: "release.dtg", Op: "release.dtg", Reason: "a date-time group is DDHHMMZ MON YY",
		Next: "write it as 170145Z DEC 19"}
	if len(s) == 15 && s[2] == ' ' {
		s = s[:2] + s[3:]
	}
	if len(s) != 14 || s[6] != 'Z' || s[7] != ' ' || s[11] != ' ' {
		return time.Time{}, bad
	}
	num := func(from, to int) int {
		if strings.Trim(s[from:to], "0123456789") != "" {
			return -1
		}
		n, _ := strconv.Atoi(s[from:to])
		return n
	}
	day, hour, minute, year, month := num(0, 2), num(2, 4), num(4, 6), num(12, 14), 0
	for i, m := range months {
		if m == s[8:11] {
			month = i + 1
		}
	}
	if day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || year < 0 || month == 0 {
		return time.Time{}, bad
	}
	t := time.Date(2000+year, time.Month(month), day, hour, minute, 0, 0, time.UTC)
	if t.Day() != day { // 31 FEB would silently become a day in March
		return time.Time{}, bad
	}
	return t, nil
}
