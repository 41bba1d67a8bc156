package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// readme returns what stands between the fences of one language in a section of the README.
func readme(t *testing.T, section, language string) []string {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("the README has no section %q", section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(rest, -1) {
		out = append(out, m[1])
	}
	if len(out) == 0 {
		t.Fatalf("section %q shows no %s", section, language)
	}
	return out
}

// binary puts what `make build` builds at path.
func binary(t *testing.T, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Link(realBinary(t), path)); err != nil {
		t.Fatal(err)
	}
}

// TestReadme runs what the README says on the binary that `make build` builds.
func TestReadme(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary(t, filepath.Join(dir, "bin/entente"))
	t.Run("the first release by hand works as it stands", func(t *testing.T) { t.Parallel(); firstRelease(t, dir) })
	t.Run("the picture is a run of the demonstration", func(t *testing.T) { t.Parallel(); picture(t, filepath.Join(dir, "bin/entente")) })
}

// The first thing a newcomer does is to copy the commands of the README. They must work as they stand, in a shell that stops at
// the first failure; only `make build` is done already.
func firstRelease(t *testing.T, dir string) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("left out: there is no bash to copy the commands into")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "examples"), filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/make"), []byte("#!/bin/sh\n[ \"$*\" = build ]\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "set -euo pipefail\n" + strings.Join(readme(t, "The first release by hand", "sh"), "\n") +
		"\nnzl --post release-officer release list\n"
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "-c", script)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "ENTENTE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "ENTENTE_KDF_ITERATIONS=1000", "PATH="+filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), talk.String())
	}
	for _, want := range []string{
		"withheld",                      // the preview says what stays
		"EXERCISE Art. 4",               // and by which article
		"59 vessels of interest",        // Japan reads what was released
		"\nverified\n",                  // the evidence and the directory are good
		"what was said is custody.rece", // and show the registry receipt
		"  registered  ",                // the release list, at the end
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output does not hold %q", want)
		}
	}
	for _, stays := range []string{"Cheng Kung", "ENT-EX-NZL-0002 "} { // in the original only
		if _, opened, _ := strings.Cut(out.String(), "Own marking:"); strings.Contains(opened, stays) {
			t.Errorf("what was opened in Japan holds %q", stays)
		}
	}
	if n := strings.Count(out.String(), "\nverified\n"); n != 2 {
		t.Errorf("%d verifications, want 2", n)
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// The picture in the README is a run of the demonstration. Lines are left out where [...] stands and cut where … stands; the others
// are there in this order, but for what differs from run to run.
func picture(t *testing.T, exe string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "demo", "--headless")
	var talk bytes.Buffer
	cmd.Stderr = &talk
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, raw, talk.String())
	}
	varies := []struct {
		re *regexp.Regexp
		to string
	}{
		{regexp.MustCompile(`\b[0-9a-f]{16,}\b`), "<hex>"},
		{regexp.MustCompile(`\b\d+\.\d s$`), "<seconds>"},
		{regexp.MustCompile(`\b20\d\d-\d\d-\d\d \d\d:\d\dZ`), "<time>"},
		{regexp.MustCompile(`EX-20\d\d-`), "EX-<year>-"},
		{regexp.MustCompile(`^   (?:[A-Z][A-Z-]+ ){8}\.\.\.$`), "   <words>"},
	}
	plain := func(line string) string {
		for _, v := range varies {
			line = v.re.ReplaceAllString(line, v.to)
		}
		return line
	}
	run := strings.Split(string(raw), "\n")
	at, compared := 0, 0
	for i, line := range strings.Split(strings.TrimSuffix(readme(t, "Two commands", "text")[0], "\n"), "\n") {
		if i == 0 || line == "[...]" || line == "" {
			continue
		}
		prefix, cut := strings.CutSuffix(line, " …")
		for at < len(run) && !(plain(run[at]) == plain(line) || cut && strings.HasPrefix(plain(run[at]), plain(prefix))) {
			at++
		}
		if at == len(run) {
			t.Fatalf("the demonstration does not print, after the lines before it:\n%s\nIt prints:\n%s", line, raw)
		}
		at, compared = at+1, compared+1
	}
	if compared < 15 {
		t.Errorf("only %d lines compared", compared)
	}
}
