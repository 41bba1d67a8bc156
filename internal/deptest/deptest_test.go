package deptest

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write cmd/entente/linked.txt anew")

const (
	root   = "../.."
	module = "entente"
)

// source is one package of the module: its files without tests.
type source struct {
	dir   string // from the module root
	files map[string]*ast.File
}

var fset = token.NewFileSet()

func tree(t *testing.T) []source {
	t.Helper()
	byDir := map[string]*source{}
	walk(t, func(name string) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return
		}
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(name)
		if byDir[dir] == nil {
			byDir[dir] = &source{dir, map[string]*ast.File{}}
		}
		byDir[dir].files[name] = f
	})
	var out []source
	for _, s := range byDir {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.dir, b.dir) })
	return out
}

// walk calls f for every file of the project, by its slash-separated path from the module root.
func walk(t *testing.T, f func(name string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, p)
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if base := d.Name(); base == ".git" || base == "bin" || name != "." && name != ".ci" && strings.HasPrefix(base, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() {
			f(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportsRunOneWay(t *testing.T) {
	for _, s := range tree(t) {
		r, ok := rooms[s.dir]
		if !ok {
			t.Errorf("%s has no place in the table of rooms: say in rooms_test.go what it may import, and why no more", s.dir)
			continue
		}
		may := strings.Fields(r.may)
		for name, f := range s.files {
			for _, spec := range f.Imports {
				imp, _ := strconv.Unquote(spec.Path.Value)
				own, inside := strings.CutPrefix(imp, module+"/")
				outside := strings.Contains(strings.SplitN(imp, "/", 2)[0], ".")
				switch {
				case inside && !slices.Contains(may, own), outside && !slices.ContainsFunc(may, func(m string) bool { return imp == m || strings.HasPrefix(imp, m+"/") }):
					t.Errorf("%s imports %s, which %s may not: %s", name, imp, s.dir, r.why)
				case r.pure && closed[imp] != "" && excepted[s.dir+" "+imp] == "":
					t.Errorf("%s imports %s, which a pure room may not: %s", name, imp, closed[imp])
				}
			}
		}
	}
}

// A ban that nothing could break guards nothing: the table must know every package it names, and have no circle.
func TestTableOfRoomsIsSound(t *testing.T) {
	var visit func(dir string, on []string)
	visit = func(dir string, on []string) {
		if slices.Contains(on, dir) {
			t.Fatalf("circle: %v", append(on, dir))
		}
		for _, m := range strings.Fields(rooms[dir].may) {
			if strings.Contains(m, ".") {
				continue
			}
			if _, ok := rooms[m]; !ok {
				t.Errorf("%s may import %s, which is no room", dir, m)
			}
			if rooms[dir].pure && !rooms[m].pure {
				t.Errorf("%s is pure and may import %s, which is not", dir, m)
			}
			visit(m, append(on, dir))
		}
	}
	for dir, r := range rooms {
		if r.why == "" {
			t.Errorf("%s: a ban without a reason", dir)
		}
		visit(dir, nil)
	}
	for e, why := range excepted {
		if dir, imp, _ := strings.Cut(e, " "); closed[imp] == "" || !rooms[dir].pure || why == "" {
			t.Errorf("the exception %q is from nothing", e)
		}
	}
}

// clockReaders are the functions of package time that read or wait for the machine's clock.
var clockReaders = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

func TestPureRoomsAreToldTheTime(t *testing.T) {
	for _, s := range tree(t) {
		if !rooms[s.dir].pure {
			continue
		}
		for name, f := range s.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clockReaders, sel.Sel.Name) {
						t.Errorf("%s: time.%s in a pure room: time is an argument", at(name, n), sel.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func at(name string, n ast.Node) string {
	return name + ":" + strconv.Itoa(fset.Position(n.Pos()).Line)
}

func TestEveryPackageExplainsItself(t *testing.T) {
	for _, s := range tree(t) {
		var comment string
		for _, f := range s.files {
			if f.Doc != nil {
				comment += f.Doc.Text()
			}
		}
		if !strings.HasPrefix(comment, "Package ") && !strings.HasPrefix(comment, "Command ") || strings.Count(comment, " ") < 15 {
			t.Errorf("%s: the package comment is the room's manual (what for, what to use, what holds after a crash, what is promised); this is %q", s.dir, comment)
		}
	}
}

// A package-level variable is a table or an error that nobody changes: it is not written after its declaration, and its type is
// not one that exists to be changed. No init function sets anything up.
func TestNothingIsGlobalAndChanging(t *testing.T) {
	for _, s := range tree(t) {
		var files []*ast.File
		for name, f := range s.files {
			files = append(files, f)
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: an init function: only constructors set up, and only node calls them", at(name, fn))
				}
				g, ok := d.(*ast.GenDecl)
				if !ok || g.Tok != token.VAR {
					continue
				}
				for _, spec := range g.Specs {
					if v := spec.(*ast.ValueSpec); changing(v.Type) || slices.ContainsFunc(v.Values, changing) {
						t.Errorf("%s: a package variable that exists to be changed: put it into a struct that a constructor makes", at(name, v))
					}
				}
			}
		}
		// Names are enough to tell what an identifier of the package itself means, so imports are left unresolved.
		info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
		conf := types.Config{Error: func(error) {}, FakeImportC: true}
		pkg, _ := conf.Check(s.dir, fset, files, info)
		for name, f := range s.files {
			ast.Inspect(f, func(n ast.Node) bool {
				var written []ast.Expr
				switch n := n.(type) {
				case *ast.AssignStmt:
					written = n.Lhs
				case *ast.IncDecStmt:
					written = []ast.Expr{n.X}
				}
				for _, e := range written {
					if id := base(e); id != nil {
						if v, ok := info.Uses[id].(*types.Var); ok && v.Parent() == pkg.Scope() {
							t.Errorf("%s: writes the package variable %s", at(name, n), id.Name)
						}
					}
				}
				return true
			})
		}
	}
}

// changing reports whether a type or value is of package sync, a channel, or made to be filled later.
func changing(e ast.Expr) (found bool) {
	if e == nil {
		return false
	}
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ChanType:
			found = true
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && (pkg.Name == "sync" || pkg.Name == "atomic") {
				found = true
			}
		}
		return true
	})
	return found
}

// base returns the identifier that an expression is written through, x in x.y[z].
func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func TestGoModReplacesNothing(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`(?m)^\s*(replace|exclude)\b.*`).Find(b); m != nil {
		t.Errorf("go.mod: %q: what is linked must be what its authors published", m)
	}
}

// The words are put together here so that this file does not hold them.
var foreign = map[string]*regexp.Regexp{
	"a path of somebody's machine": regexp.MustCompile(`(^|[^A-Za-z0-9._%/-])(` + "/wo" + `rk/|` + "/ho" + `me/[a-z]|` + "/Us" + `ers/[a-z]|` + `\.\./sha` + `red\b)`),
	"a host of a registry":         regexp.MustCompile(`(?i)\b(proxy|sum)\.golang` + `\.org|registry\.npmjs` + `\.org|deb\.debian` + `\.org`),
}

func TestNoFileNamesSomebodysMachine(t *testing.T) {
	walk(t, func(name string) {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 4<<20 || bytes.IndexByte(b[:min(len(b), 4096)], 0) >= 0 {
			return // no text
		}
		for what, re := range foreign {
			if m := re.FindIndex(b); m != nil {
				t.Errorf("%s:%d: %s", name, 1+bytes.Count(b[:m[0]], []byte("\n")), what)
			}
		}
	})
}

// What is linked into the binary is a decision, so it stands in a file that a change must touch.
func TestLinkedModulesAreTheListedOnes(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("left out: the go command is not on PATH, so linked modules cannot be listed")
	}
	if _, err := os.Stat(filepath.Join(root, "cmd/entente")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(goTool, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/entente")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	lines := strings.Fields(string(out))
	slices.Sort(lines)
	got := strings.Join(slices.Compact(lines), "\n") + "\n"
	file := filepath.Join(root, "cmd/entente/linked.txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./internal/deptest -update writes it)", err)
	}
	if got != string(want) {
		t.Errorf("linked modules are\n%sand listed are\n%sRead what is new, then run go test ./internal/deptest -update.", got, want)
	}
}
