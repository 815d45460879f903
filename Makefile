# make up: everything, from nothing, to a working LAN in the lab. make test: everything checks.
# ENGINE=path uses the `pulumi` and plugins found on PATH in place of the ones that lab/engine gets.
STACK ?= dev
LAB_ENGINE ?= 26
export ENGINE
export PATH := $(PATH):/usr/sbin:/sbin

VENV := .venv/.synced
START := $(shell date +%s)
TOOK = @echo "make $@: $$(( $$(date +%s) - $(START) )) s"
PULUMI := lab/pulumi
UV = $(shell command -v uv || echo .tools/bin/uv)
EXPORT := --no-emit-index-url --no-emit-project --no-header
E2E := e2e-29 e2e-dsm-hooks e2e-look-26 e2e-dsm-upgrades e2e-26 e2e-look-20.10 e2e-macs-29 e2e-laptops e2e-ipv6-26 e2e-dsm-users \
	e2e-20.10 e2e-macs-26 e2e-macs-20.10 e2e-lab
LAB_TESTS := tests/e2e/test_lab.py tests/e2e/test_lab_dsm.py tests/e2e/test_make.py
DSM_TESTS := $(wildcard tests/e2e/test_dsm_*.py)
LAPTOP_TESTS := tests/e2e/test_laptops.py tests/e2e/test_states.py
MACS_TESTS := tests/e2e/test_macs.py
OWN_TESTS := $(LAPTOP_TESTS) $(MACS_TESTS)
LOOK_TESTS := $(wildcard tests/e2e/test_preview_*.py)

.PHONY: up preview down test check lint unit nas engine-tests e2e images e2e-packages $(E2E) bench shell ula requirements stack engine lab help

help:
	@sed -n 's/^\([a-z]*\): .*## /make \1\t/p' Makefile

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

test: check engine images ## everything checks (root); what each part prints comes when it is done
	@echo "now all parts that need a box, three at a time; they take half an hour and more ..."
	$(MAKE) --no-print-directory --jobs=3 --keep-going --output-sync=target nas engine-tests $(E2E)
	$(TOOK)

check: lint unit ## what needs neither root nor engine; seconds
	$(TOOK)

lint: $(VENV)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright
	.venv/bin/shellcheck --shell=sh nas/*.sh lab/venv lab/packages lab/reach lab/find-go
	.venv/bin/shellcheck --shell=sh --exclude=SC1091 lab/pulumi

unit: $(VENV)
	.venv/bin/pytest -q tests/unit

nas: $(VENV)
	lab/packages ip:iproute2 ping:iputils-ping busybox:busybox-static dash:dash bash:bash strace:strace setpriv:util-linux \
		systemd-analyze:systemd dockerd:docker.io
	.venv/bin/pytest -q -n 4 tests/nas

engine-tests: engine
	lab/packages dockerd:docker.io ssh:openssh-client busybox:busybox-static ip:iproute2
	lab/packages docker:docker-cli # a package of its own from Debian 13 on
	.venv/bin/pytest -q tests/engine

# One pytest a box. They mostly wait, so they run beside each other.
e2e: engine images
	$(MAKE) --no-print-directory --jobs=3 --keep-going --output-sync=target $(E2E)

e2e-26: engine e2e-packages
	.venv/bin/pytest -q -rP --engine 26 $(addprefix --ignore=,tests/e2e/test_ipv6.py $(LAB_TESTS) $(LOOK_TESTS) $(DSM_TESTS) $(OWN_TESTS)) tests/e2e

e2e-ipv6-26: engine e2e-packages
	.venv/bin/pytest -q -rP --engine 26 tests/e2e/test_ipv6.py

# What of a preview depends on 29: which networks Docker takes, and which gateways it shows.
e2e-29: engine e2e-packages
	.venv/bin/pytest -q -rP --engine 29 $(addprefix --ignore=,$(LAB_TESTS) $(DSM_TESTS) $(OWN_TESTS) $(filter %_drift.py %_change.py,$(LOOK_TESTS))) tests/e2e

e2e-20.10: engine e2e-packages
	.venv/bin/pytest -q -rP --engine 20.10 $(addprefix --ignore=,$(LAB_TESTS) $(LOOK_TESTS) $(DSM_TESTS) $(OWN_TESTS)) tests/e2e

e2e-macs-20.10 e2e-macs-26 e2e-macs-29: engine e2e-packages
	.venv/bin/pytest -q -rP --engine $(@:e2e-macs-%=%) $(MACS_TESTS)

e2e-laptops: engine e2e-packages
	.venv/bin/pytest -q -rP $(LAPTOP_TESTS)

e2e-look-20.10 e2e-look-26: engine e2e-packages
	.venv/bin/pytest -q -rP --engine $(@:e2e-look-%=%) $(LOOK_TESTS)

e2e-dsm-hooks e2e-dsm-users e2e-dsm-upgrades: engine e2e-packages
	.venv/bin/pytest -q -rP tests/e2e/test_$(subst -,_,$(@:e2e-%=%)).py

e2e-lab: engine e2e-packages
	.venv/bin/pytest -q $(LAB_TESTS)

# What takes minutes the first time is done where one sees it, and before any test's clock runs.
images:
	lab/lab prepare --engine 20.10
	lab/lab prepare --engine 26
	lab/lab prepare --engine 29
	lab/lab prepare --profile dsm

e2e-packages:
	lab/packages ip:iproute2 ssh:openssh-client ping:iputils-ping tcpdump:tcpdump

bench: engine ## our `pulumi up` beside the recipe by hand, with 10 and 40 containers
	.venv/bin/python -m bench.compare

ula: $(VENV) ## makes the ULA prefix of STACK and writes it to its config, once
	.venv/bin/macvlan-ipv6 ula --stack $(STACK)

stack: engine lab
	@$(PULUMI) stack select --create $(STACK)

engine: $(VENV)
	lab/engine/install

lab:
	lab/lab up --engine $(LAB_ENGINE)

# The hashes of all packages, without any index's address: docs/decisions/0002.
requirements: $(VENV) ## writes the files with hashes anew, after a change in pyproject.toml
	$(UV) lock -q
	$(UV) export -q $(EXPORT) --no-default-groups --output-file requirements.txt
	$(UV) export -q $(EXPORT) --all-groups --output-file requirements-dev.txt

$(VENV): pyproject.toml requirements-dev.txt lab/venv
	lab/venv
	@touch $@
