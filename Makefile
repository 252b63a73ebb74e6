# CUX: every target installs what it needs. `make demo` and `make test` are all a newcomer has to know.
# Variables: PYTHON (3.11), PYTORCH_INDEX (an index of CPU wheels of PyTorch, where pip does not find one), EXIT=1, SOAK_MINUTES.

PYTHON        ?= $(shell command -v python3.11 || command -v python3)
PYTORCH_INDEX ?=
SOAK_MINUTES  ?= 30
VAR           ?= $(or $(CUX_VAR),var)
MODEL         := $(VAR)/models/smollm2-135m-instruct
ADAPTER       := inference/training/adapters/reasoner-135m.safetensors
REASONER      := $(VAR)/models/reasoner
BIN           := .venv/bin
export CUX_VAR := $(abspath $(VAR))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup model demo test soak check fix bench openapi lock backup restore reset

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r t d; do printf '  make %-9s %s\n' "$$t" "$$d"; done

.venv/.installed: requirements.txt cux/pyproject.toml agent/pyproject.toml
	@echo "==> server environment (.venv): about a minute"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --require-hashes -r requirements.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable ./cux --editable ./agent
	@touch $@

.venv-engine/.installed: requirements-engine-cpu.lock inference/engines/depth_tiers/pyproject.toml
	@echo "==> engine environment (.venv-engine, torch and vLLM, 2.5 GB): two minutes or more"
	@test -x .venv-engine/bin/python || $(PYTHON) -m venv .venv-engine
	@.venv-engine/bin/pip install --quiet --no-deps $(if $(PYTORCH_INDEX),--extra-index-url $(PYTORCH_INDEX)) -r $<
	@.venv-engine/bin/pip install --quiet --no-deps --no-build-isolation --no-index --editable ./inference/engines/depth_tiers
	@touch $@

$(MODEL)/cux-model.json: .venv-engine/.installed
	@.venv-engine/bin/python -m inference.engines.model_prepare --out $(MODEL)
	@touch $@

$(REASONER)/cux-model.json: $(MODEL)/cux-model.json $(ADAPTER)
	@.venv-engine/bin/python -m inference.training.merge --model $(MODEL) --adapter $(ADAPTER) --out $(REASONER)
	@touch $@

setup: ## Make both environments, side by side, and prepare the models
	@$(MAKE) --no-print-directory --jobs 2 .venv/.installed .venv-engine/.installed
	@$(MAKE) --no-print-directory model

model: $(MODEL)/cux-model.json $(if $(wildcard $(ADAPTER)),$(REASONER)/cux-model.json) ## Prepare the demo's models as safetensors, once

demo: setup ## Start everything, trade, run a job, verify its receipt; stay up (EXIT=1: stop then)
	@$(BIN)/python -m config.demo $(if $(EXIT),--exit)

test: setup ## Run every suite on real servers, a real model and a real browser; print the time of each
	@./scripts/install-browser
	@$(BIN)/python -m tests.suites

soak: .venv/.installed ## Run the long tests in pieces (SOAK_MINUTES=30), each going on where the last one stopped; writes docs/soak.json
	@$(BIN)/python -m tests.soak --minutes $(SOAK_MINUTES)

check: .venv/.installed ## Lint, types, import rules, migrations, deployment settings, time budgets
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -W "ignore:Got an error checking" manage.py makemigrations --check --dry-run # needs no database
	@CUX_PRODUCTION=1 CUX_STRIPE_DOUBLE_URL=http://127.0.0.1:8002 $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(BIN)/python -m tests.suites --budgets

fix: .venv/.installed ## Format, and mend what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.venv-bench/.installed: requirements-bench.txt
	@echo "==> environment with other matching engines (.venv-bench)"
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet -r $<
	@touch $@

bench: setup .venv-bench/.installed ## Run every benchmark; each prints JSON lines with its baseline (also in var/bench/results.jsonl)
	@$(BIN)/python -m benchmarks

openapi: .venv/.installed ## Write docs/openapi.yaml, docs/errors.md and docs/who-pays.md from the code
	@$(BIN)/python manage.py openapi
	@$(BIN)/python manage.py errors_doc
	@$(BIN)/python manage.py who_pays_doc

lock: .venv/.installed ## Resolve requirements.in into requirements.txt, with hashes
	@$(PYTHON) -m venv $(VAR)/lock && $(VAR)/lock/bin/pip install --quiet uv
	@$(VAR)/lock/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements.in -o requirements.txt

backup: .venv/.installed ## Write a backup of the database, while it is used, below var/backups
	@$(BIN)/python manage.py backup

restore: .venv/.installed ## Load a backup (FROM=var/backups/…; REPLACE=1: lose what is there) and verify the ledger
	@$(BIN)/python manage.py restore $(FROM) $(if $(REPLACE),--replace)

reset: ## Stop the embedded servers and delete all data under var (the model stays)
	@$(BIN)/python -m core.embedded stop
	@find $(VAR) -mindepth 1 -maxdepth 1 ! -name models -exec rm -rf {} +
