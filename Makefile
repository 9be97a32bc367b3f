# Every task of this repository, in one line each. `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Relative on purpose: the path of a checkout may hold spaces. `-m` instead of console scripts for the same reason.
PYTHON := .venv/bin/python
MANAGE := $(PYTHON) manage.py
EMBEDDED := $(PYTHON) -m webhooks_project.embedded
CELERY := $(PYTHON) -m celery -A webhooks_project
PYTEST := $(PYTHON) -m pytest
# Each process has a database and real workers of its own: more than this gain nothing and cost memory. Two more than
# there are cores, since many tests wait for processes that they have killed.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
PARALLEL := -n auto --maxprocesses 6 --dist loadfile --no-loadscope-reorder
# web, worker and beat start at once, without looking at the lock.
NEEDS_VENV = test -x $(PYTHON) || { echo "There is no environment here yet: run 'make setup' first." >&2; exit 1; }
DEVELOPMENT := DJANGO_DEBUG=true

.PHONY: bench bench-full bench-growth bench-memory bench-pages bench-several chromium screens test-desk faults faults-batch faults-prove faults-seeds faults-limits faults-recovery faults-pace help setup demo demo-once test test-api lint types contracts migrations-check format model web worker beat embedded clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-18s %s\n' "$$name" "$$text"; done

setup: ## make .venv from the lock (needs only Python >= 3.11 and a package index)
	@test -x $(PYTHON) && $(PYTHON) -I -S scripts/setup_environment.py --check 2>/dev/null || { for python in $${SETUP_PYTHON:-python3 python3.13 python3.12 python3.11}; do if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then exec "$$python" scripts/setup_environment.py; fi; done; echo "No Python >= 3.11 was found: install one, or name it: make setup SETUP_PYTHON=/path/to/python3" >&2; exit 1; }

demo: setup ## the whole story on this machine; stays until Ctrl-C
	@exec $(PYTHON) -m webhooks_project.demo

demo-once: setup ## the same, ends by itself: exit code 0 when the story has come true
	@exec $(PYTHON) -m webhooks_project.demo --once

test: lint types contracts embedded chromium ## everything that must hold before a merge; starts its own servers
	@$(DEVELOPMENT) $(EMBEDDED) --fast -- /bin/sh -c 'set -e; $(MANAGE) makemigrations --check --dry-run; $(MANAGE) check; exec $(PYTEST) $(PARALLEL) --ignore tests/embedded --ignore tests/browser/screens'

test-desk: setup chromium ## every page in a real browser: light, dark, phone, empty, hostile text; four minutes
	@$(DEVELOPMENT) $(EMBEDDED) --fast -- $(PYTEST) -n 2 --dist loadfile tests/browser/screens

screens: setup chromium ## the pictures of the README anew, into docs/screens
	@$(DEVELOPMENT) $(EMBEDDED) --fast -- $(PYTEST) --screens docs/screens tests/browser/screens/test_pictures.py

# Where it cannot be had the browser tests say so; under CI=true they fail.
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { timeout 120 apt-get update && timeout 300 apt-get install -y --no-install-recommends chromium; } >/dev/null 2>&1; } || true

lint: setup ## ruff: rules and form
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

types: setup ## mypy, strict
	@$(DEVELOPMENT) $(PYTHON) -m mypy

contracts: setup ## which package may import which
	@$(PYTHON) -c 'import sys; from importlinter.cli import lint_imports_command; sys.argv[0] = "lint-imports"; lint_imports_command()'

migrations-check: setup ## whether models and migrations agree
	@$(DEVELOPMENT) $(EMBEDDED) --fast -- $(MANAGE) makemigrations --check --dry-run

format: setup ## let ruff write the form, and mend what it can
	@.venv/bin/ruff check --fix-only . && .venv/bin/ruff format .

model: setup ## search the table of legal moves for loss, doubles, disorder and blocked lanes: some minutes
	@$(PYTHON) -m tests.model

EXAMPLES := 100
test-api: setup ## the API asked at random what its description allows and what not (EXAMPLES=100 of each call, SEED=1): minutes
	@EXAMPLES=$(EXAMPLES) $(if $(SEED),SEED=$(SEED)) $(DEVELOPMENT) $(EMBEDDED) --fast -- $(PYTEST) tests/processes/test_api.py

bench: setup ## what an event costs on this machine, of this product and of three others: a quarter of an hour
	@$(PYTHON) -m benchmarks

bench-full: setup ## the same with five rounds and more events: the figures to judge by, an hour at most
	@$(PYTHON) -m benchmarks --rounds 5 --size 3

bench-several: setup ## what more worker processes cost and bring: a quarter of an hour
	@$(PYTHON) -m benchmarks.several

bench-memory: setup ## whether web and worker keep their size over a million answered messages: a quarter of an hour
	@$(PYTHON) -m benchmarks.memory

STORED ?= 10000000
bench-growth: setup ## the same beside many stored events (STORED=10000000): half an hour, tens of gigabytes
	@$(PYTHON) -m benchmarks.growth --stored $(STORED)

bench-pages: setup ## the pages of the desk beside a million dead letters and five million events: half an hour, 15 GB
	@$(PYTHON) -m benchmarks.pages

# Many threads share one heap, and none keeps what it freed: docs/decisions/0021.
web worker: export GLIBC_TUNABLES := glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0

web: ## the web process on HOST:PORT, in the foreground
	@$(NEEDS_VENV); exec $(PYTHON) -m webhooks_project web

worker: ## the worker, in the foreground
	@$(NEEDS_VENV); exec $(CELERY) worker

# Without a schedule file: it would be a pickle in a shared folder, and two checkouts would fight over it.
beat: ## the clock for daily jobs, in the foreground
	@$(NEEDS_VENV); exec $(CELERY) beat --scheduler celery.beat:Scheduler

embedded: setup ## the ladder of development servers: each rung once (url, path, wheel)
	@$(DEVELOPMENT) $(PYTEST) $(PARALLEL) --confcutdir tests/embedded tests/embedded

# MINUTES and SEED as you like: `make faults MINUTES=60`. The rate is what two cores keep up with under faults.
MINUTES := 5
RATE := 50
FAULTS := $(PYTHON) -m tests.faults --rate $(RATE) $(if $(SEED),--seed $(SEED))

faults: setup ## the whole product under faults: what it lost, doubled, disordered (MINUTES=5)
	@$(FAULTS) --minutes $(MINUTES)

faults-seeds: setup ## ten short runs with ten seeds
	@for seed in 1 2 3 4 5 6 7 8 9 10; do $(PYTHON) -m tests.faults --rate $(RATE) --minutes 0.5 --seed $$seed || exit 1; done

faults-prove: setup ## each seeded flaw must be caught
	@$(PYTHON) -m tests.faults.prove

faults-limits: setup ## beyond the assumptions: a listing that lags twice the settle time, and the one window
	@$(FAULTS) --minutes 2 --may-double --lag 2 $(foreach kind,timeout_after reset_after http_after,--only graph.$(kind)) --only listing.lag
	@$(FAULTS) --minutes 2 --may-double --only point.window

faults-batch: setup ## ten thousand dead letters replayed while web, workers and beat are killed: ten minutes
	@$(PYTHON) -m tests.faults.batch $(if $(SEED),--seed $(SEED))

faults-recovery: setup ## how long each kind of fault is felt, one at a time; then three kinds with the shipped times
	@$(PYTHON) -m tests.faults --recovery --rate 20 && $(PYTHON) -m tests.faults --recovery --rate 20 --shipped

faults-pace: setup ## how fast Meta is answered: at half of what it can do, under pressure, beside failing conversations
	@$(PYTHON) -m tests.faults.pace && $(PYTHON) -m tests.faults.pairs

clean: ## remove .venv, caches and the demo's data
	@if test -x $(PYTHON); then $(EMBEDDED) --forget; fi
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis && find . -name __pycache__ -type d -prune -exec rm -rf {} +
