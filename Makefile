# Everything a reader or CI runs. `make run`, `make demo` and `make test` need Rust, make and git only.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run demo doctor test test-interop test-browser test-openapi types lint deny check-cargo check-python check-node build watch invoke template lint-deploy test-build test-watch release test-release test-redis test-dynamodb test-large soak fuzz bench

# The pure half of the crate must build without any of these.
IMPURE := tokio|reqwest|hyper|axum|ring|rustls

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-18s %s\n' "$$name" "$$text"; done

run: check-cargo ## the sandbox and the functions, a console page and curl lines to paste; Ctrl-C stops
	@cargo build --bins
	@cargo run --quiet --bin demo -- run

demo: check-cargo ## send a file through each of the flows and compare what was stored
	@cargo build --bins
	@cargo run --quiet --bin demo -- once

doctor: check-cargo ## a function's doctor against the sandbox: make doctor FN=tencent-lke
	@cargo build --bins
	@cargo run --quiet --bin demo -- doctor $(or $(FN),alibaba-chatapp)

test: check-cargo ## unit, vector, flow, error and route tests, all in-process
	@log=$$(mktemp); cargo test --workspace -- --show-output 2>&1 | tee $$log; rc=$${PIPESTATUS[0]}; \
	awk '/^test result/ { passed += $$4; failed += $$6; ignored += $$8 } \
		END { printf "\n%d passed, %d failed, %d ignored\n", passed, failed, ignored }' $$log; \
	rm -f $$log; exit $$rc

test-redis: check-cargo ## instances with one Redis, kill -9 at random points, every fault of it (installs redis-server by apt)
	@tests/redis/run redis

test-dynamodb: check-cargo check-python check-node ## the same with DynamoDB's API, by dynalite and by moto (needs python3, node and npm)
	@tests/redis/run dynalite moto

test-large: check-cargo ## a gigabyte through a queue job into OSS and COS in bounded memory
	@cargo test -p upload-grant-tests --test large -- --ignored --nocapture --test-threads 1

test-interop: check-cargo check-python check-node ## the official SDKs against the sandbox (needs python3, node and npm)
	@tests/interop/run

test-browser: check-cargo check-node ## the console, Uppy 5 and 6, fetch, XHR and the vendors' SDKs in Chromium (needs node and npm)
	@tests/browser/run

types: check-cargo check-node ## write shared/upload-grant.d.ts anew from the OpenAPI descriptions (needs node and npm)
	@WRITE_TYPES=1 SUITE=types tests/browser/run

test-openapi: check-cargo check-python ## schemathesis: every function against its own OpenAPI description (needs python3)
	@tests/openapi/run

lint: check-cargo ## formatting, clippy, purity of the signing half, banned crates
	@cargo fmt --version >/dev/null 2>&1 || { echo "rustfmt is missing: rustup component add rustfmt" >&2; exit 1; }
	@cargo clippy --version >/dev/null 2>&1 || { echo "clippy is missing: rustup component add clippy" >&2; exit 1; }
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo check --quiet -p upload-grant
	cargo package --quiet --allow-dirty -p upload-grant
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps -p upload-grant
	cargo check --quiet -p upload-grant-runtime
	@! cargo tree -p upload-grant -e normal --prefix none | grep -E '^($(IMPURE)) ' || \
		{ echo "the pure half depends on the crates above" >&2; exit 1; }
	@! cargo tree --workspace -e all --target all -i aws-lc-sys 2>/dev/null | grep . || \
		{ echo "aws-lc-sys must not be in the tree" >&2; exit 1; }

deny: check-cargo check-python ## licences, bans, sources and advisories of all crates (needs python3)
	@tests/supply/run

soak: check-cargo ## MINUTES (10) of mixed good, bad and faulty traffic against all functions
	@cargo build -p upload-grant-tests -p upload-grant-command --bins
	@cargo run --quiet -p upload-grant-tests --bin soak -- $(or $(MINUTES),10)

fuzz: check-cargo ## fuzz every reader for SECONDS_EACH (60) (needs a C++ compiler)
	@command -v c++ >/dev/null || { echo "c++ is missing: install a C++ compiler (Debian: build-essential)" >&2; exit 1; }
	@tests/fuzz/run $(or $(SECONDS_EACH),60)

bench: check-cargo ## measure speed against floors and peers; QUICK=1 for a few rounds (curl; python3 and npm for the SDKs)
	@tests/bench/run $(if $(QUICK),quick)

build: check-cargo check-python ## the deployable zips, target/lambda/<flow>/bootstrap.zip (needs python3)
	@tests/deploy/build

watch: check-cargo check-python ## the sandbox and `cargo lambda watch` for all functions, with curl lines to paste (needs python3)
	@tests/deploy/watch

invoke: check-cargo check-python ## send a stored event under `make watch`: make invoke FN=tencent-lke EVENT=tests/events/sqs.json
	@tests/deploy/invoke "$(FN)" "$(EVENT)"

template: check-python ## write template.yaml anew from shared/deploy/aws (needs python3)
	@tests/deploy/tools && .tools/venv/bin/python shared/deploy/aws/generate

lint-deploy: check-python ## sam validate, cfn-lint, and our own checks of template.yaml and shared/deploy (needs python3)
	@tests/deploy/run

test-build: check-cargo check-python ## every platform's start contract with the zips of `make build` (needs python3)
	@tests/deploy/zip-test

release: check-cargo check-python ## dist/: zips, the command, the image, SBOM and checksums for x86-64 and aarch64 (needs python3)
	@shared/deploy/release

test-release: check-cargo check-python ## start each file of dist/ from itself alone (needs python3, bwrap and qemu)
	@tests/deploy/release-test

test-watch: check-cargo check-python ## drive all functions through `cargo lambda watch` once (needs python3)
	@tests/deploy/watch-test

check-cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "cc is missing, Rust links with it: install a C compiler (Debian: build-essential)" >&2; exit 1; }

check-python:
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.10 or later with venv (Debian: python3 python3-venv)" >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "python3 has no venv: install it (Debian: python3-venv)" >&2; exit 1; }

check-node:
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or later with npm (Debian: nodejs npm)" >&2; exit 1; }
	@node -e 'process.exit(Number(process.versions.node.split(".")[0] < 20))' || { echo "Node.js is too old: install 20 or later" >&2; exit 1; }
