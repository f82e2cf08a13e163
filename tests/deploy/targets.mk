# Deployment and local emulation; part of the Makefile.

.PHONY: build watch invoke lint-deploy test-build test-watch

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
