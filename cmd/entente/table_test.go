package main

import (
	"bytes"
	"fmt"
	"testing"
)

func TestColumnsAlignInBothScripts(t *testing.T) {
	var b bytes.Buffer
	g := table(&b)
	fmt.Fprintln(g, "番号\t状態\t標記")
	fmt.Fprintln(g, "R1\tsent\tSECRET//REL TO NZL, JPN")
	fmt.Fprintln(g, "R12\t登録済み\t極秘//REL TO NZL")
	g.Flush()
	const want = "番号  状態      標記\n" +
		"R1    sent      SECRET//REL TO NZL, JPN\n" +
		"R12   登録済み  極秘//REL TO NZL\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWhatCameFromElsewhereDoesNotSteerTheTerminal(t *testing.T) {
	var b bytes.Buffer
	g := table(&b)
	fmt.Fprintln(g, "a\x1b[2Jb\tc\u202e")
	g.Flush()
	if b.String() != "a?[2Jb  c?\n" {
		t.Errorf("%q", b.String())
	}
}

func TestLongTextWrapsInItsColumn(t *testing.T) {
	var b bytes.Buffer
	g := table(&b)
	g.columns = 30
	fmt.Fprintln(g, "4\tThe release set does not name Government of Japan")
	fmt.Fprintln(g, "10\t提供先に日本国政府が含まれない。提供先: NZL。")
	g.Flush()
	const want = "4   The release set does not\n" +
		"    name Government of Japan\n" +
		"10  提供先に日本国政府が含まれ\n" +
		"    ない。提供先: NZL。\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestDisplayWidth(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "極秘": 4, "極秘//REL TO NZL": 16, "ｶﾅ": 2, "カナ": 4, "が": 2, "か\u3099": 2, "é": 1, "…": 1} {
		if got := displayWidth(s); got != want {
			t.Errorf("%q takes %d columns, want %d", s, got, want)
		}
	}
}
