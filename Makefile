# make up: everything, from nothing, to a working LAN in the lab. make test: everything checks.
# ENGINE=path uses the `pulumi` and plugins found on PATH in place of the ones that lab/engine gets.
STACK ?= dev
LAB_ENGINE ?= 26
ENGINE_VERSION ?= 26
export ENGINE
export PATH := $(PATH):/usr/sbin:/sbin

VENV := .venv/.synced
START := $(shell date +%s)
TOOK = @echo "make $@: $$(( $$(date +%s) - $(START) )) s"
PULUMI := lab/pulumi
UV = $(shell command -v uv || echo .tools/bin/uv)
EXPORT := --no-emit-index-url --no-emit-project --no-header
.PHONY: up preview down test test-all test-e2e suite-needs check lint unit nas engine-tests images timings bench shell ula keys requirements stack engine lab help

help:
	@sed -n 's/^\([a-z0-9-]*\): .*## /make \1\t/p' Makefile

up: stack ## everything to a working LAN in the lab; ends with outputs and a reachability table
	$(PULUMI) up --yes --stack $(STACK)
	$(PULUMI) stack output --json --stack $(STACK) | lab/reach
	$(TOOK)

preview: stack ## what `make up` would change
	$(PULUMI) preview --diff --stack $(STACK)
	$(TOOK)

# Without the lab its stack's state tells of things that are nowhere, and the next `make up` would go by it.
down: ## destroys the stack and takes the lab away
	@if ! lab/lab status >/dev/null 2>&1; then \
		rm -rf .state; \
	elif ! $(PULUMI) destroy --yes --stack $(STACK); then \
		echo "make down: the stack could not be destroyed (see above); its state goes with the lab"; \
		rm -rf .state; \
	fi
	lab/lab down

shell: stack ## a shell in the lab's client with `pulumi` ready
	$(PULUMI) --shell

test: check suite-needs ## each claim proven once, with the real engine and Docker (root); at most 35 minutes
	.venv/bin/python -m tests.suite
	$(TOOK)

test-all: check suite-needs ## everything: every engine, profile and shell, long counts (root); at most 80 minutes
	.venv/bin/python -m tests.suite --full
	$(TOOK)

test-e2e: suite-needs ## the end-to-end tests that K names, on one engine: make test-e2e ENGINE_VERSION=26 K=adoption
	.venv/bin/pytest -q -rP --full --engine $(ENGINE_VERSION) -k '$(K)' tests/e2e

nas engine-tests: suite-needs ## the program that runs on the NAS; the stand-in engine
	.venv/bin/python -m tests.suite $(@:engine-tests=engine)

timings: $(VENV) ## writes the seconds of the last runs into docs/tests.md
	.venv/bin/python -m tests.suite --record

check: lint unit ## what needs neither root nor engine; seconds
	$(TOOK)

lint: $(VENV)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright
	.venv/bin/shellcheck --shell=sh nas/*.sh lab/venv lab/packages lab/reach lab/find-go
	.venv/bin/shellcheck --shell=sh --exclude=SC2034,SC2154 nas/*/*.sh # parts: what one sets, another uses
	.venv/bin/shellcheck --shell=sh --exclude=SC1091 lab/pulumi

unit: $(VENV)
	.venv/bin/pytest -q -n 2 tests/unit

# What takes minutes the first time is done where one sees it, and before any test's clock runs.
images:
	lab/lab prepare --engine 20.10
	lab/lab prepare --engine 26 --compose 2.26
	lab/lab prepare --engine 29
	lab/lab prepare --profile dsm

suite-needs: engine images
	lab/packages ip:iproute2 ssh:openssh-client ping:iputils-ping tcpdump:tcpdump busybox:busybox-static dash:dash bash:bash \
		strace:strace setpriv:util-linux systemd-analyze:systemd dockerd:docker.io
	lab/packages docker:docker-cli # a package of its own from Debian 13 on

bench: engine ## reading a large compose file; our `pulumi up` beside the recipe by hand, with 10 and 40 containers
	.venv/bin/python -m bench.reading
	.venv/bin/python -m bench.compare

ula: $(VENV) ## makes the ULA prefix of STACK and writes it to its config, once
	.venv/bin/python macvlan-ipv6 ula --stack $(STACK)

stack: engine lab
	@$(PULUMI) stack select --create $(STACK)

engine: $(VENV)
	lab/engine/install

lab:
	lab/lab up --engine $(LAB_ENGINE)

keys: $(VENV) ## writes docs/compose.md anew, after a change in what becomes of a compose file's keys
	.venv/bin/python -m cli.keys >docs/compose.new && mv docs/compose.new docs/compose.md

# The hashes of all packages, without any index's address: docs/decisions/0024.
requirements: $(VENV) ## writes the files with hashes anew, after a change in pyproject.toml
	$(UV) lock -q
	$(UV) export -q $(EXPORT) --no-default-groups --output-file requirements.txt
	$(UV) export -q $(EXPORT) --all-groups --output-file requirements-dev.txt

$(VENV): pyproject.toml requirements-dev.txt lab/venv
	lab/venv
	@touch $@
