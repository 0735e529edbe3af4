# make demo   sets everything up, trains two small CLIP models on built-in scenes, audits both ways, writes the report
# make test   sets everything up, passes the tests
# make help   lists the rest

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SHARDS ?= ../shared/data/flickr8k
# A process per core, each with one thread; the tests of one file stay together, for they share what they set up.
# A process that dies ends the run: with --dist loadfile, pytest-xdist waits for ever once it has replaced one.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile --max-worker-restart 0
COVERAGE := --cov

.PHONY: help setup demo test test-transformers-4 coverage check format flickr8k study-one-model study-clipmem study-image \
	study-removal study-mitigation study-labels study-growth benchmarks gpu docs clean

help:
	@echo "make demo        train two small CLIP models on built-in scenes, audit both ways, write demo/run/report.html"
	@echo "make test        run the tests"
	@echo "make test-transformers-4  run the tests of transformers' models with its version 4 as well"
	@echo "make coverage    run the tests and say which lines they reach; fails below the floor in pyproject.toml"
	@echo "make check       lint, format and type checks"
	@echo "make flickr8k    the Flickr8k study; SHARDS=folder of its tar shards"
	@echo "make study-one-model  text encoders in place of the second model, after make flickr8k"
	@echo "make study-clipmem    CLIPMem, SSLMem and UnitMem on Flickr8k; SHARDS=…"
	@echo "make study-image the image-only study on built-in scenes; on photographs with SHARDS=folder of Caltech-101's"
	@echo "make study-removal  leaving the most memorized records out, on built-in scenes"
	@echo "make study-mitigation  what mitigates memorization, on Flickr8k: hours on a CPU, resumable; MODEL=vit: on a GPU"
	@echo "make study-labels  caption nouns against a tagger as the labels of one audit; SHARDS=…, WORDNET=folder of WordNet 3.x"
	@echo "make study-growth  memorization against the size of the training set and against epochs; SHARDS=…"
	@echo "make benchmarks  speed and memory against peers, into benchmarks/RESULTS.md"
	@echo "make gpu         what waits for a GPU: its tests, the search's kernel, training, the study; SHARDS=…"
	@echo "make docs        build the documentation into site/"

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "memometer needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Run: make PYTHON=python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraints constraints.txt --editable '.[dev]'
	$(BIN)/python -m compileall -q src
	@touch $(READY)

demo: $(READY)
	$(BIN)/memometer demo --out demo

test: $(READY)
	$(PYTEST) $(if $(CI),$(COVERAGE))

# The models of transformers once more, with the version before: a small environment that takes all else from this one.
OLD := build/transformers-4
OTHERS := $(OLD).txt

test-transformers-4: $(READY)
	@mkdir -p build
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(OLD)
	grep -Ev '^(transformers|huggingface.hub|tokenizers|sentence-transformers|datasets)=' constraints.txt > $(OTHERS)
	$(BIN)/uv pip install --quiet --python $(OLD)/bin/python --constraints $(OTHERS) 'transformers==4.57.*'
	$(BIN)/python -c 'import site; print(f"import site; site.addsitedir({site.getsitepackages()[0]!r})")' \
		> $(OLD)/lib/$$(ls $(OLD)/lib)/site-packages/others.pth
	OMP_NUM_THREADS=1 $(OLD)/bin/python -m pytest --quiet --numprocesses auto --dist loadfile --max-worker-restart 0 \
		-p no:cacheprovider tests/encoders/test_encoders_hf*.py

coverage: $(READY)
	$(PYTEST) $(COVERAGE)

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

flickr8k: $(READY)
	$(BIN)/python studies/flickr8k.py --shards $(SHARDS)

study-one-model: flickr8k
	$(BIN)/python studies/flickr8k_one_model.py

study-clipmem: $(READY)
	$(BIN)/python studies/clipmem.py --shards $(SHARDS)

study-image: $(READY)
	$(BIN)/python studies/image_dejavu.py $(if $(filter file,$(origin SHARDS)),,--shards $(SHARDS))

study-removal: $(READY)
	$(BIN)/python studies/removal.py

study-mitigation: $(READY)
	$(BIN)/python studies/mitigation.py --shards $(SHARDS) --model $(or $(MODEL),small)

study-labels: $(READY)
	$(BIN)/python studies/labels.py --shards $(SHARDS) --wordnet $(or $(WORDNET),/usr/share/wordnet) --design $(or $(DESIGN),two-models)

study-growth: $(READY)
	$(BIN)/python studies/growth.py --shards $(SHARDS)

benchmarks: $(READY)
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/bootstrap.py
	$(BIN)/python benchmarks/interval_coverage.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/naive_bayes.py
	$(BIN)/python benchmarks/clipmem.py
	$(BIN)/python benchmarks/unitmem.py
	$(BIN)/python benchmarks/embedding.py
	$(BIN)/python benchmarks/engines.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/audit_memory.py
	$(BIN)/python benchmarks/labels.py

gpu: $(READY)
	$(BIN)/python benchmarks/gpu.py --shards $(SHARDS)

docs: $(READY)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt --editable '.[dev,docs]'
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo site build dist
