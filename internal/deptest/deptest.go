// Package deptest holds the shape of this module by tests: who may import whom and why, what a pure room may not touch, that
// every package explains itself, that nothing is set up behind anybody's back (no init functions, no variable written after
// its declaration), that go.mod replaces nothing, that no file names a path of somebody's machine, and which
// modules are linked into the binary (cmd/entente/linked.txt; go test ./internal/deptest -update writes it anew).
//
// It reads the source tree and needs no network. There is nothing to import.
package deptest
