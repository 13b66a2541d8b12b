# The commands people need. `make demo` and `make test` do all set-up by themselves; `make help` lists the rest.
.DEFAULT_GOAL := help
.PHONY: help demo demo-publish test verify unit integration e2e bench bench-operator bench-swap bench-large-load soak release release-rehearsal clean
SHELL := /bin/bash

node_modules/.installed: package-lock.json $(wildcard package.json */package.json) .npmrc
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: node_modules/.installed ## serve 3 million real flights on localhost:4000 until Ctrl-C
	@npm run -s demo

demo-publish: node_modules/.installed ## publish a newer snapshot while the demo runs
	@npm run -s demo-publish

verify: node_modules/.installed ## formatting, types, lint, layer rules, dead code, generated files
	@npm run -s verify

unit: node_modules/.installed ## the fast tests
	@npm run -s unit

integration: node_modules/.installed ## real DuckDB, MinIO, kube-apiserver
	@npm run -s integration

test: node_modules/.installed ## everything that needs no cluster
	@npm run -s verify
	@npm run -s test

e2e: node_modules/.installed ## a real cluster: images, chart, and what users do with them
	@e2e/run

bench: node_modules/.installed ## the gateway against a bare server over the same file: latency, throughput, boot, memory; ARGS='--deep --remote-scan' for more (1 minute)
	@npm run -s bench -- --page bench/gateway/RESULTS.md $(ARGS)

bench-operator: node_modules/.installed ## the operator at scale: cold start, latency, memory, failover; and together with gateways that run; fails when a bound is missed (9 minutes)
	@npm run -s bundle && node_modules/.bin/node --conditions=source bench/operator/scale.ts --out bench/operator/RESULTS.md

bench-swap: node_modules/.installed ## 120 snapshots swap in while 32 clients ask: failed, mixed, p99 against the steady state (3 minutes)
	@npm run -s build && node_modules/.bin/node --conditions=source bench/gateway/swap-under-load.ts --out bench/gateway/RESULTS-swap.md

bench-large-load: node_modules/.installed ## 5 GB of Parquet and CSV into a gateway of 1 GiB, twice: memory, disk, failed requests; fails when a bound is missed (35 minutes, 40 GB of disk)
	@npm run -s build && node_modules/.bin/node --conditions=source bench/gateway/large-load.ts --out bench/gateway/RESULTS-large-load.md

soak: node_modules/.installed ## hours of churn, failovers and lost connections: nothing may grow, no client may see it; before each release; ARGS='--minutes 60' for less (6 hours)
	@npm run -s build && npm run -s bundle && node_modules/.bin/node --conditions=source bench/operator/soak.ts --out bench/operator/RESULTS-soak.md $(ARGS)

release: ## build, push, describe and sign images and chart: REGISTRY=registry.example.com/offloader; release/run says what else
	@release/run "$(REGISTRY)"

release-rehearsal: node_modules/.installed ## a release to a registry on this machine, and docs/verify.md carried out on it, also after tampering (5 minutes)
	@release/rehearse

clean: ## remove what builds and demos made
	rm -rf .demo .bench .release node_modules/.installed */dist */*.tsbuildinfo
