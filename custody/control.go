package custody

import (
	"fmt"
	"strconv"
	"strings"

	"entente/errs"
	"entente/party"
)

// maxSerial bounds the items a register takes in one year.
const maxSerial = 999_999

// NextControl returns the control number after last in a party's register: "JPN-EX-2026-0001" in an exercise,
// "JPN-2026-0001" otherwise. The series starts again each year; last is "" for an empty register. A register never goes
// back: a last number of a later year, of another party or of another kind of realm is refused (custody.control), as is
// a full year (custody.control.full).
func NextControl(p party.Party, realm party.Realm, year int, last string) (string, error) {
	if !p.Valid() || !realm.Valid() || year < 2000 || year > 9999 {
		return "", &errs.Error{Kind: errs.Invalid, Code: "custody.control", Op: "custody.control", Reason: "party, realm or year is not valid"}
	}
	n := 0
	if last != "" {
		owner, exercise, y, serial, ok := parseControl(last)
		if !ok || owner != p || exercise != realm.Exercise() || y > year {
			return "", &errs.Error{Kind: errs.Conflict, Code: "custody.control", Op: "custody.control", Subject: "last number",
				Reason: "the last number is not of this register, or of a later year", Next: "check the node's clock and register before going on"}
		}
		if y == year {
			n = serial
		}
	}
	if n >= maxSerial {
		return "", &errs.Error{Kind: errs.Quota, Code: "custody.control.full", Op: "custody.control", Reason: "the register of this year is full"}
	}
	return control(p, realm.Exercise(), year, n+1), nil
}

func control(p party.Party, exercise bool, year, serial int) string {
	mark := ""
	if exercise {
		mark = "EX-"
	}
	return fmt.Sprintf("%s-%s%04d-%04d", p, mark, year, serial)
}

// parseControl reads the one spelling of a control number.
func parseControl(s string) (p party.Party, exercise bool, year, serial int, ok bool) {
	name, rest, _ := strings.Cut(s, "-")
	p = party.Party(name)
	rest, exercise = strings.CutPrefix(rest, "EX-")
	y, n, _ := strings.Cut(rest, "-")
	year, err1 := strconv.Atoi(y)
	serial, err2 := strconv.Atoi(n)
	if err1 != nil || err2 != nil || !p.Valid() || year < 2000 || year > 9999 || serial < 1 || serial > maxSerial || control(p, exercise, year, serial) != s {
		return "", false, 0, 0, false
	}
	return p, exercise, year, serial, true
}
