# `make app` runs the app, `make test` the tests, `make check` format, lint, types and the import rule,
# `make release` makes the bundled checkpoint.
# `make lock` writes requirements.lock (every package with its hashes) and docs/licences.md; `make audit` looks the locked
# packages up among known vulnerabilities (it needs a network); LOCKED=1 installs just what is locked.
# `make soak` runs what takes long: kills, full disks, load, fuzz (tests/soak).
# PYTHON chooses the interpreter (3.11); ARGS goes to app.py, PYTEST_ARGS to pytest (`-n 0` runs the tests in one process).
# On Linux, `make app TORCH_INDEX=https://download.pytorch.org/whl/cpu` installs the small CPU build of torch.

PYTHON ?= python3
TORCH_INDEX ?=
LOCKED ?=
ARGS ?=
PYTEST_ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH := $(shell sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements.txt)

.DEFAULT_GOAL := app
.PHONY: app test soak check lock audit release

app: .venv/.requirements
	$(BIN)/python app.py $(ARGS)

test: .venv/.requirements-dev
	OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

soak: .venv/.requirements-dev
	HUG_CRASH_STRIDE=1 OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(BIN)/python -m pytest \
		tests/hug/train/test_crashes.py tests/soak -s $(PYTEST_ARGS)

check: .venv/.requirements-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy hug analysis ui app.py
	$(BIN)/python -m pytest --quiet tests/test_imports.py

# Universal: for every system, so that it names CUDA's libraries, too. Licences are those of what is installed here.
lock: .venv/.requirements-dev
	$(BIN)/uv pip compile requirements.txt --universal --python-version 3.11 --generate-hashes --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock
	$(BIN)/pip-licenses --from=mixed --order=name --format=markdown --output-file docs/licences.md \
		--packages $$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' requirements.lock)

audit: .venv/.requirements-dev
	$(BIN)/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict

$(BIN)/python:
	$(PYTHON) -m venv .venv

# A stamp is written after its file was installed, so what was interrupted is done again.
.venv/.requirements: requirements.txt | $(BIN)/python
	$(if $(TORCH_INDEX),$(PIP) $(TORCH) --index-url $(TORCH_INDEX))
	$(PIP) $(if $(LOCKED),--require-hashes -r requirements.lock,-r requirements.txt)
	touch $@

.venv/.requirements-dev: requirements-dev.txt .venv/.requirements
	$(PIP) -r requirements-dev.txt
	touch $@

# The bundled checkpoints and gallery from nothing, in about three hours on two cores; an interrupted run resumes.
# Each run is a preset of hug/config.py; `released` is a second, shorter run that starts from `calibrated` and keeps its
# last weights (docs/training.md says why; `paper` gained nothing from one). PHOTOS=FOLDER measures severity on real photographs too; ABLATIONS=FOLDERS, measured runs, join the page.
SHIPPED := config.json model.safetensors training.jsonl measurements.json calibration.json calibration.safetensors validation.parquet \
	test.parquet gallery.safetensors gallery.json
TRAIN = $(BIN)/python -m hug train --preset $(1) --root runs/garments-1 --threads 1 --out runs/garments-1-$(1)
PHOTOS ?=
ABLATIONS ?=
release: .venv/.requirements
	$(BIN)/python -m hug render --version garments-1 --out runs/garments-1
	$(call TRAIN,point)
	$(call TRAIN,paper)
	$(call TRAIN,calibrated)
	$(call TRAIN,released)
	$(BIN)/python -m hug gallery --root runs/garments-1 --per-category 600 --out assets/gallery.parquet
	$(call shipped,released,garments)
	$(call shipped,paper,garments-paper)
	cp runs/garments-1-calibrated/training.jsonl checkpoints/garments/training-first.jsonl
	$(BIN)/python -m analysis results --checkpoints checkpoints/garments checkpoints/garments-paper $(if $(ABLATIONS),--ablations $(ABLATIONS)) --out docs/results.md
	$(BIN)/python -m analysis findings --checkpoints checkpoints/garments checkpoints/garments-paper --out docs/findings.md

# Measure, index and bundle a run, then compute what the tabs show of it.
define shipped
	$(BIN)/python -m hug evaluate --root runs/garments-1 --checkpoint runs/garments-1-$(1) --point runs/garments-1-point
	$(BIN)/python -m hug index --checkpoint runs/garments-1-$(1) --gallery assets/gallery.parquet --out runs/garments-1-$(1)
	mkdir -p checkpoints/$(2)
	cp $(addprefix runs/garments-1-$(1)/,$(SHIPPED)) checkpoints/$(2)/
	$(BIN)/python -m analysis measure --checkpoint checkpoints/$(2) --root runs/garments-1 $(if $(PHOTOS),--photos $(PHOTOS))
endef
