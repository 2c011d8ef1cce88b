# One command per task; `make help` lists them. CMakePresets.json holds the build settings, scripts/ the steps.
SHELL := /bin/bash
.DEFAULT_GOAL := build

# Where fetched models live, outside the tree so that clones share them.
HALFBYTE_MODELS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/halfbyte/models
export HALFBYTE_MODELS
MODEL ?= smollm2:135m
export MODEL

# The prompt reaches the shell unexpanded, in the environment: quotes, $ and backquotes in it are only text.
export HALFBYTE_PROMPT := $(value PROMPT)
unexport PROMPT

.PHONY: help deps deps-test deps-lint build develop install python run test test-long test-models model debug tsan format lint bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## / - /' | sort

deps:  ## install missing Debian packages, for everything
	@scripts/deps.sh

build:  ## build the program (build/bin/halfbyte)
	@scripts/deps.sh program
	@scripts/build.sh program

develop:  ## build everything: program, tests, benchmarks, examples, Python module
	@scripts/deps.sh test
	@scripts/build.sh release

install: build  ## install program, library and headers under PREFIX (/usr/local)
	@scripts/build.sh program halfbyte_archive
	@cmake --install build --prefix "$(or $(PREFIX),/usr/local)"

python:  ## install the Python package into the environment of `python3` (pip install .)
	@scripts/deps.sh python
	@python3 -m pip install .

model:  ## fetch the default model (SmolLM2 135M, 98 MB)
	@scripts/fetch_model.py "$$HALFBYTE_MODELS" smollm2:135m

test-models: model  ## fetch the models the tests use (Gemma 3 270M too, 253 MB)
	@scripts/fetch_model.py "$$HALFBYTE_MODELS" gemma3:270m

run:  ## answer PROMPT="..." with MODEL (smollm2:135m); a chat without PROMPT
	@scripts/run.sh

test: deps-test test-models  ## build and run all tests: fuzz targets for a minute, sanitized, then optimized
	@scripts/test.sh fuzz sanitized release

test-long: deps-test test-models  ## thread sanitizer, pip install, instruction counts, long simulations, a soak, and fuzz targets for ten minutes each
	@FUZZ_SECONDS=600 HALFBYTE_SIMULATIONS=200 HALFBYTE_KILLS=200 HALFBYTE_SOAK_SECONDS=600 scripts/test.sh tsan fuzz sanitized release counts wheel

debug: deps-test  ## build with address and undefined-behaviour sanitizers (build-asan/)
	@scripts/build.sh asan

tsan: deps-test  ## build with the thread sanitizer (build-tsan/)
	@scripts/build.sh tsan

format: deps-lint  ## rewrite the sources with clang-format
	@git ls-files -z '*.cpp' '*.h' | xargs -0 clang-format-19 -i

lint: deps-lint  ## clang-format and clang-tidy, without changing anything
	@scripts/lint.sh

bench: develop test-models  ## against the peers installed here: table, JSON and plot into docs/benchmarks/ (see bench/against_peers.py)
	@scripts/build.sh release random_gguf
	@scripts/bench.sh docs/benchmarks/$$(date +%F)

deps-test deps-lint:
	@scripts/deps.sh $(@:deps-%=%)

clean:  ## remove the build folders
	@rm -rf build build-asan build-debug build-fuzz build-tsan
