# `make demo` for a first look, `make test` before every commit. Needs only Python 3.11 or newer.
.PHONY: demo jekyll test bench chaos evaluate train pictures fmt lock

PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
BIN := .venv/bin

.venv/ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it and run make again" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q bot digest
	@touch $@

demo: .venv/ready ## the made-up sample: three digests, then a chat in this terminal
	@for day in 2025-12-04 2025-12-05 2025-12-06; do \
		$(BIN)/python -m bot digest ai --date $$day > /dev/null || exit 1; done
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/python -m bot chat; \
	else $(BIN)/python -m bot chat --say /brief --say /cloud --say /status; fi

test: .venv/ready ## formatting, lint, types and all tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m slipcover --source digest,bot --json --out .coverage.json -m pytest -n auto
	@$(BIN)/python -c "import json; print('coverage of digest/ and bot/: %.0f %%' % \
		json.load(open('.coverage.json'))['summary']['percent_covered'])"

bench: .venv/ready ## measures speed and memory and writes the figures to docs/figures.md
	$(BIN)/python -m tools.figures

chaos: .venv/ready ## kills the sending process 200 times, simulates outages and many machines, runs the full tests; fails if a message is lost or duplicated
	$(BIN)/python -c "from tools.chaos import main; main()"
	$(BIN)/python -m tools.chaos_day
	$(BIN)/python -m tools.chaos_faults
	$(BIN)/python -m tools.clock_years 60
	$(BIN)/python -c "from tools.chaos_workers import main; main()"
	FULL=1 $(BIN)/python -m pytest -n auto tests/test_platforms.py tests/test_ledger_machine.py tests/test_damage.py tests/test_collect.py

evaluate: .venv/ready ## measures quality on labelled days and writes docs/figures.md; DATA=DIR for another folder
	$(BIN)/python -m tools.evaluate $(DATA)

train: .venv/ready ## trains the heads from ../shared/data; byte-identical
	$(BIN)/python -m tools.train

pictures: .venv/ready ## regenerates the README's pictures from the sample (the page needs Chromium)
	$(BIN)/python -m tools.pictures docs

jekyll: .venv/ready ## builds an exported site with Jekyll in several time zones (needs jekyll)
	$(BIN)/python -m tools.check_jekyll

fmt: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" --no-annotate
lock: ## updates the lock files after a change of dependencies (needs uv)
	$(LOCK) --extra dev --extra scale pyproject.toml requirements.build -o requirements.lock
	$(LOCK) -c requirements.lock pyproject.toml requirements.build -o requirements.txt
	echo procrastinate | $(LOCK) -c requirements.lock - -o requirements.scale
