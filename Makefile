# Two commands on a fresh machine: `make run` and `make test`. All set-up is done on the way and lies under var/.

# The Python (3.11 to 3.14) that the environment is made with; none: the quickest one on the PATH.
PYTHON ?=
BIN := var/venv/bin

SET_UP := PYTHON='$(PYTHON)' sh tools/environment.sh

.DEFAULT_GOAL := help
.PHONY: help run demo test e2e dates check bench bench-full chaos attack prompts pictures docs lock clean environment dev-environment asterisk postgresql prometheus front voice

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: environment asterisk front ## set everything up and run the line (Ctrl-C stops it); CONFIG=examples/elot.yaml another one
	@$(BIN)/callcenter prompts build --lines $(if $(CONFIG),--config $(CONFIG)) || true
	@$(BIN)/callcenter run $(if $(CONFIG),--config $(CONFIG))

demo: environment asterisk front ## the line with simulated callers and operators
	@$(BIN)/callcenter demo

test: dev-environment asterisk postgresql prometheus front ## all tests, those with a real Asterisk included; T=… chooses some
	@$(BIN)/python -m tests.all_tests $(T)

e2e: dev-environment asterisk postgresql prometheus front ## only the stories with a real Asterisk
	$(BIN)/python -m pytest --pool stories -n 6 --dist worksteal $(T)

dates: dev-environment asterisk postgresql ## the fast tests on other dates: over New Year, on 29 February, …
	$(BIN)/python -m tests.dates -n 3 --dist worksteal

check: dev-environment front ## format, lint, strict types, import rules
	@$(or $(PYTHON),python3) tools/front.py --types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir var/cache/import-linter

bench: dev-environment asterisk ## measure in three minutes: ours beside Asterisk's own queue
	$(BIN)/python -m tests.bench compare --quick

bench-full: dev-environment asterisk ## the same in half an hour, and 100 callers at once, for docs/performance.md
	$(BIN)/python -m tests.bench --only capacity
	$(BIN)/python -m tests.bench compare --full

chaos: dev-environment asterisk ## break everything for half an hour, and judge call by call; A="--seconds 90 --callers 12" is short
	$(BIN)/python -m tests.chaos --seconds 1800 --callers 80 $(A)

attack: dev-environment asterisk ## attack the running line over SIP and its manager, on this machine alone
	$(BIN)/python -m pytest tests/attack $(T)

prompts: environment voice ## speak the prompts whose text has changed, and what the lines of all examples say
	$(foreach config,config.yaml $(wildcard examples/*.yaml),$(BIN)/callcenter prompts build --ship --config $(config) &&) true

pictures: dev-environment asterisk front ## take the pictures of the desk in docs/pictures again
	$(BIN)/python -m tests.browser.pictures

docs: dev-environment ## renew the diagrams and tables in the documents
	$(BIN)/python -m tools.docs

lock: ## resolve and lock the dependencies, and uv, anew; UPGRADE=--upgrade takes newer ones
	@$(SET_UP) lock $(UPGRADE)

clean: ## remove the environment, parts and caches; the register, secrets and recordings stay
	rm -rf var/venv var/parts var/cache var/uv

# Each of these returns at once when there is nothing to do: the tools keep stamps.
environment:
	@$(SET_UP) run

dev-environment:
	@$(SET_UP) dev

front:
	@$(or $(PYTHON),python3) tools/front.py

asterisk:
	@$(or $(PYTHON),python3) tools/parts.py asterisk sipp

postgresql:
	@$(or $(PYTHON),python3) tools/parts.py postgresql

prometheus:
	@$(or $(PYTHON),python3) tools/parts.py prometheus

voice:
	@$(or $(PYTHON),python3) tools/parts.py rhvoice sox
