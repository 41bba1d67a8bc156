package deptest

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	fence     = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	inline    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	reference = regexp.MustCompile(`(?m)^\[[^\]]+\]:\s+(\S+)`)
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.+?)\s*$`)
	docPath   = regexp.MustCompile(`\bdoc/[a-z0-9/_-]+\.md\b`)
	notSlug   = regexp.MustCompile(`[^\p{L}\p{N}\p{M}_ -]`)
)

// anchors are the fragments that a document's headings can be linked by.
func anchors(text []byte) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllSubmatch(fence.ReplaceAll(text, nil), -1) {
		slug := strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(string(m[1])), ""), " ", "-")
		for i, base := 1, slug; out[slug]; i++ {
			slug = base + "-" + strconv.Itoa(i)
		}
		out[slug] = true
	}
	return out
}

// A document that points nowhere is worse than none: every relative link leads to a file that exists, and every fragment to a
// heading in it.
func TestEveryLinkInADocumentLeadsSomewhere(t *testing.T) {
	links := 0
	walk(t, func(name string) {
		if path.Ext(name) != ".md" {
			return
		}
		raw, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		text := codeSpan.ReplaceAllFunc(fence.ReplaceAll(raw, nil), func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) })
		var targets []string
		for _, re := range []*regexp.Regexp{inline, reference} {
			for _, m := range re.FindAllSubmatch(text, -1) {
				targets = append(targets, string(m[1]))
			}
		}
		for _, target := range targets {
			file, fragment, _ := strings.Cut(target, "#")
			switch {
			case strings.Contains(file, "://") || strings.HasPrefix(file, "mailto:"):
				continue
			case strings.HasPrefix(file, "/"):
				t.Errorf("%s links to %s: a link is relative to its document", name, target)
				continue
			}
			links++
			to := path.Join(path.Dir(name), file)
			if file == "" {
				to = name
			}
			if strings.HasPrefix(to, "../") {
				t.Errorf("%s links to %s, outside the project", name, target)
				continue
			}
			info, err := os.Stat(filepath.Join(root, to))
			if err != nil {
				t.Errorf("%s links to %s, which is not there", name, target)
				continue
			}
			if fragment == "" {
				continue
			}
			if info.IsDir() || path.Ext(to) != ".md" {
				t.Errorf("%s links to %s: only a document has headings", name, target)
				continue
			}
			b, err := os.ReadFile(filepath.Join(root, to))
			if err != nil {
				t.Fatal(err)
			}
			if !anchors(b)[fragment] {
				t.Errorf("%s links to %s, where there is no such heading", name, target)
			}
		}
	})
	if links < 20 {
		t.Errorf("only %d links found: the test looks at the wrong files", links)
	}
}

// Error texts, comments and help name documents by their path from the root.
func TestEveryDocumentThatIsNamedExists(t *testing.T) {
	walk(t, func(name string) {
		if !slices.Contains([]string{".go", ".md", ".toml", ""}, path.Ext(name)) {
			return
		}
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range docPath.FindAll(b, -1) {
			if _, err := os.Stat(filepath.Join(root, string(m))); err != nil {
				t.Errorf("%s names %s, which is not there", name, m)
			}
		}
	})
}

// What the code imports from others is a decision with a reason, a version and a licence: doc/dependencies.md.
func TestEveryDependencyIsDocumented(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(root, "doc/dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\s*(?:require )?([a-z0-9.-]+\.[a-z]+/?\S*) (v\S+)`).FindAllSubmatch(mod, -1) {
		versions[string(m[1])] = string(m[2])
	}
	imports := regexp.MustCompile(`(?m)^\s*(?:import )?(?:[\w.]+ )?"([a-z0-9-]+\.[a-z.]+/[^"]+)"$`)
	used := map[string]bool{}
	walk(t, func(name string) {
		if path.Ext(name) != ".go" {
			return
		}
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imports.FindAllSubmatch(b, -1) {
			for module := range versions {
				if p := string(m[1]); p == module || strings.HasPrefix(p, module+"/") {
					used[module] = true
				}
			}
		}
	})
	for module := range used {
		if row := "| `" + module + "` | " + versions[module] + " |"; !strings.Contains(string(doc), row) {
			t.Errorf("doc/dependencies.md has no row %q", row)
		}
	}
	if len(used) < 8 {
		t.Errorf("only %d dependencies found in the code: the test looks at the wrong lines", len(used))
	}
}
