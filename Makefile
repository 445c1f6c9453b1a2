# Warifu in two commands: make demo, make test. Everything else: make help.
# make itself and git are the only things to install by hand: apt-get install -y make git
SHELL := /bin/bash
.DEFAULT_GOAL := help

# A file that includes libtorch takes up to 1.5 GB to compile: no more jobs than cores or memory bear.
export JOBS ?= $(shell awk -v cores=$$(nproc) '/^MemAvailable/ { j = int($$2 / 1500000); print j < 1 ? 1 : j < cores ? j : cores }' /proc/meminfo)

.PHONY: help build demo test screenshots lint lint-all format clean

help: ## this list
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

build: ## installs what is missing and leaves the release binary at build/warifu
	@scripts/install.sh build
	@scripts/build.sh

demo: ## from nothing to a measured search over 3,254 clip-art pictures; needs no decision
	@scripts/install.sh build demo
	@scripts/build.sh
	@scripts/demo.sh

test: ## every test: release, sanitizers, command line, lint; ends with "N passed, N failed, N skipped"
	@scripts/install.sh build test
	@scripts/test.sh

screenshots: ## the pictures of the README, docs/images/, from what make demo left
	@scripts/install.sh build demo screenshots
	@scripts/build.sh
	@scripts/screenshots.sh

lint: ## clang-format, shellcheck, and clang-tidy on all but tests and libtorch files
	@scripts/install.sh build test
	@scripts/lint.sh

lint-all: ## the same with tests and libtorch files: many minutes
	@scripts/install.sh build test
	@scripts/lint.sh --all

format: ## lays out our sources with clang-format
	@scripts/install.sh test
	@git ls-files '*.h' '*.cc' '*.cu' | xargs clang-format-14 -i

clean: ## removes build/ (a demo workspace lies in build/demo)
	@rm -rf build
