# Everything a reader or CI runs. `make run`, `make demo` and `make test` need Rust, make and git only.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run demo test test-interop test-browser lint check-cargo build watch invoke lint-deploy test-build test-watch test-redis test-large soak fuzz bench

# The pure half of the crate must build without any of these.
IMPURE := tokio|reqwest|hyper|axum|ring|rustls

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-18s %s\n' "$$name" "$$text"; done

run: check-cargo ## start the sandbox and the five functions, with curl lines to paste; Ctrl-C stops
	@cargo build --bins
	@cargo run --quiet --bin demo -- run

demo: check-cargo ## send a file through each of the five flows and compare what was stored
	@cargo build --bins
	@cargo run --quiet --bin demo -- once

test: check-cargo ## unit, vector, flow, error and route tests, all in-process
	@log=$$(mktemp); cargo test --workspace -- --show-output 2>&1 | tee $$log; rc=$${PIPESTATUS[0]}; \
	awk '/^test result/ { passed += $$4; failed += $$6; ignored += $$8 } \
		END { printf "\n%d passed, %d failed, %d ignored\n", passed, failed, ignored }' $$log; \
	rm -f $$log; exit $$rc

test-redis: check-cargo ## instances with one Redis, kill -9 at random points (installs redis-server by apt if missing)
	@tests/redis/run

test-large: check-cargo ## a gigabyte through a queue job into OSS and COS in bounded memory
	@cargo test -p upload-grant-tests --test large -- --ignored --nocapture --test-threads 1

test-interop: ## the official SDKs against the sandbox (needs python3, pip, node and npm)
	@test -x tests/interop/run || { echo "tests/interop/run is not there" >&2; exit 1; }
	@for tool in python3 npm; do command -v $$tool >/dev/null || \
		{ echo "$$tool is missing: install python3 with pip and venv, and node with npm" >&2; exit 1; }; done
	@tests/interop/run

test-browser: check-cargo ## the console, Uppy 5 and 6, fetch, XHR and the vendors' SDKs in Chromium (needs node and npm)
	@command -v npm >/dev/null || { echo "npm is missing: install node with npm" >&2; exit 1; }
	@tests/browser/run

lint: check-cargo ## formatting, clippy, purity of the signing half, banned crates, licences
	@cargo fmt --version >/dev/null 2>&1 || { echo "rustfmt is missing: rustup component add rustfmt" >&2; exit 1; }
	@cargo clippy --version >/dev/null 2>&1 || { echo "clippy is missing: rustup component add clippy" >&2; exit 1; }
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo check --quiet -p upload-grant --no-default-features
	@! cargo tree -p upload-grant --no-default-features -e normal --prefix none | grep -E '^($(IMPURE)) ' || \
		{ echo "the pure half depends on the crates above" >&2; exit 1; }
	@! cargo tree --workspace -e all --target all -i aws-lc-sys 2>/dev/null | grep . || \
		{ echo "aws-lc-sys must not be in the tree" >&2; exit 1; }
	@if command -v cargo-deny >/dev/null; then cargo deny check bans licenses sources; \
	else echo "cargo-deny is not installed, licences are not checked: cargo install --locked cargo-deny"; fi

soak: check-cargo ## MINUTES (10) of mixed good, bad and faulty traffic against all five functions
	@cargo build -p upload-grant-tests --bins
	@cargo run --quiet -p upload-grant-tests --bin soak -- $(or $(MINUTES),10)

fuzz: check-cargo ## fuzz every reader for SECONDS_EACH (60) (needs a C++ compiler)
	@tests/fuzz/run $(or $(SECONDS_EACH),60)

bench: check-cargo ## measure speed against floors and peers; QUICK=1 for a few rounds (curl; python3 and npm for the SDKs)
	@tests/bench/run $(if $(QUICK),quick)

build: ## the five deployable zips, target/lambda/<flow>/bootstrap.zip (needs python3)
	@tests/deploy/build

watch: ## the sandbox and `cargo lambda watch` for all five, with curl lines to paste (needs python3)
	@tests/deploy/watch

invoke: ## send a stored event under `make watch`: make invoke FN=tencent-lke EVENT=tests/events/sqs.json
	@tests/deploy/invoke "$(FN)" "$(EVENT)"

lint-deploy: ## sam validate, cfn-lint, and our own checks of template.yaml and shared/deploy (needs python3)
	@tests/deploy/run

test-build: ## every platform's start contract with the zips of `make build`
	@tests/deploy/zip-test

test-watch: ## drive all five through `cargo lambda watch` once
	@tests/deploy/watch-test

check-cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }
