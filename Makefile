# The two commands that matter: `make run` and `make test`. `docs/development.md` tells of the others.
.PHONY: run test test-boot lint format docs bench fuzz build package clean

SWIFT ?= swift
export SWIFT_BACKTRACE = enable=no

run: setup-build
	$(SWIFT) build --product portside
	"$$($(SWIFT) build --show-bin-path)/portside" try

build: setup-build
	$(SWIFT) build --product portside

test: setup-build
	Scripts/setup-test-peers
	$(MAKE) lint
	Scripts/test

# Network boots that are too slow for every day: UEFI beside another DHCP server, and by HTTP.
test-boot: setup-build
	Scripts/setup-test-peers
	NETWORK_BOOT=all $(SWIFT) test --filter NetworkBootTests

lint:
	Scripts/lint

format:
	$(SWIFT) format -i -r Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources Fuzz/Targets

docs: build
	Scripts/docs --write

bench:
	Scripts/setup-test-peers --benchmarks
	Benchmarks/run

fuzz:
	Fuzz/run

# A Debian package of a release build; prints where it is.
package: setup-build
	Scripts/package

.PHONY: setup-build
setup-build:
	Scripts/setup-build
