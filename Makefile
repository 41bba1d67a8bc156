# Entente. `make` lists the targets; `make test` is the one test command.

SHELL := bash
GO := $(shell command -v go || echo /usr/local/go/bin/go)
export PATH := $(dir $(GO)):$(PATH)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BIN := bin/entente

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## one static binary, bin/entente
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN) ./cmd/entente

demo: build ## two nodes, one agreement, the exercise reports: the first exchange, on this machine
	$(BIN) demo $(DEMO)

test: ## everything: format, vet, tests, race, staticcheck, fuzz; says what it needs and what it left out
	@.ci/test

bench: ## all benchmarks, one second each
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target for FUZZTIME (30s)
	@.ci/test fuzz $(or $(FUZZTIME),30s)

sim: ## simulated nodes for SEEDS seeds (200)
	$(GO) test -count=1 -v -run TestSeeds -timeout 60m ./internal/testnet -seeds $(or $(SEEDS),200) | grep -vE '^ *(=== |--- PASS)'

vectors: ## check the published test vectors; UPDATE=1 writes them anew, which changes a format
	$(GO) test -count=1 -run Vector $(sort $(dir $(shell find . -name 'vectors_test.go'))) $(if $(UPDATE),-update)

clean: ## remove what was built
	rm -rf bin

.PHONY: help build demo test bench fuzz sim vectors clean
.DEFAULT_GOAL := help
