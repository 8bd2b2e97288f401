# The two to know: `make demo` shows what this is, `make test` checks that it is right.
# PYTHON=python3.12 (or another) chooses what .venv is built on.

SCENARIOS = scenarios/
# What `make demo` compares: one scenario, two of its packets.
COMPARE = scenarios/nodeport-vs-externalip.yaml nodeport externalip

BIN = .venv/bin
UV = .venv/uv/bin/uv
RUFF = $(BIN)/ruff check && $(BIN)/ruff format --check
PYTEST = $(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-header --no-annotate --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help demo test lint laws mutants docs bench format lock clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "make %-8s%s\n", $$1, $$2 }' Makefile

demo:  ## replay every scenario, then compare a node port with an external IP
	@.ci/setup core
	$(BIN)/kproxysim run $(SCENARIOS)
	$(BIN)/kproxysim compare $(COMPARE)

# Workers and the programs that tests start would each compile what they load where Python may not keep byte code.
# mypy runs beside the tests, and what it says comes after them. The first time one process has to load all tests
# before many do, or each would compile them.
test: export PYTHONDONTWRITEBYTECODE =
test:  ## lint, types and tests
	@.ci/setup dev
	$(RUFF)
	@echo "$(BIN)/mypy, while the tests run"; $(BIN)/mypy >.venv/mypy.txt 2>&1 & types=$$!; \
	[ -d tests/__pycache__ ] || $(BIN)/pytest --collect-only -qq >/dev/null 2>&1; \
	echo "$(PYTEST)"; $(PYTEST); tests=$$?; \
	wait $$types; types=$$?; echo "$(BIN)/mypy"; cat .venv/mypy.txt; \
	[ $$tests = 0 ] || echo "the tests failed"; [ $$types = 0 ] || echo "mypy failed"; \
	[ $$tests$$types = 00 ]

lint:  ## ruff and mypy
	@.ci/setup dev
	$(RUFF)
	$(BIN)/mypy

laws:  ## the laws of Service routing, each with 300 new situations
	@.ci/setup dev
	$(PYTEST) --hypothesis-profile laws tests/properties/test_laws.py tests/properties/test_time.py

# MODULES="netfilter.nat kubeproxy.*" tries the mutants of these modules alone.
mutants:  ## faults planted one at a time and the test that notices each; then changes that none notices
	@.ci/setup mutants
	$(BIN)/python -m tests.mutants.run
	$(BIN)/python -m tests.mutants.survivors $(MODULES)

docs:  ## the site, in docs/_build
	@.ci/setup dev
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build

bench:  ## what takes how long, beside a reference in the same run
	@.ci/setup dev
	@for one in tests/benchmarks/[a-z]*.py; do $(BIN)/python -m tests.benchmarks.$$(basename $$one .py); done

format:  ## let ruff write what it can
	@.ci/setup dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The build backend is locked with the rest, so that an install from the lock needs nothing more; what is in both
# locks has one version. The tool that resolves is locked too, in .lock/uv.txt, and lives apart from the rest.
lock:  ## renew .lock/ to the newest versions that pyproject.toml allows
	@.ci/setup core
	test -x $(UV) || $(BIN)/python -m venv .venv/uv
	.venv/uv/bin/python -m pip install -qq --require-hashes -r .lock/uv.txt
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
		>.venv/build-requires.txt
	$(LOCK) -o .lock/dev.txt pyproject.toml .venv/build-requires.txt --extra test --extra docs
	$(LOCK) -o .lock/core.txt pyproject.toml .venv/build-requires.txt --constraint .lock/dev.txt
	$(LOCK) -o .lock/mutants.txt pyproject.toml --extra mutants --constraint .lock/dev.txt
	echo uv | $(LOCK) -o .lock/uv.txt -
	echo pip | $(LOCK) -o .lock/pip.txt -

clean:  ## remove what the other targets made
	rm -rf .venv mutants docs/_build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
