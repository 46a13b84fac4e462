# `make app` runs the app, `make test` the tests, `make check` format, lint, types and the import rule,
# `make release` makes the bundled checkpoint.
# PYTHON chooses the interpreter (3.11); ARGS goes to app.py, PYTEST_ARGS to pytest.
# On Linux, `make app TORCH_INDEX=https://download.pytorch.org/whl/cpu` installs the small CPU build of torch.

PYTHON ?= python3
TORCH_INDEX ?=
ARGS ?=
PYTEST_ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH := $(shell sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements.txt)

.DEFAULT_GOAL := app
.PHONY: app test check release

app: .venv/.requirements
	$(BIN)/python app.py $(ARGS)

test: .venv/.requirements-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: .venv/.requirements-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy hug analysis ui app.py
	$(BIN)/python -m pytest --quiet tests/test_imports.py

$(BIN)/python:
	$(PYTHON) -m venv .venv

# A stamp is written after its file was installed, so what was interrupted is done again.
.venv/.requirements: requirements.txt | $(BIN)/python
	$(if $(TORCH_INDEX),$(PIP) $(TORCH) --index-url $(TORCH_INDEX))
	$(PIP) -r requirements.txt
	touch $@

.venv/.requirements-dev: requirements-dev.txt .venv/.requirements
	$(PIP) -r requirements-dev.txt
	touch $@

# The bundled checkpoint and gallery from nothing, in about an hour and a half on two cores; an interrupted run resumes.
SHIPPED := config.json model.safetensors training.jsonl measurements.json calibration.json validation.parquet \
	gallery.safetensors gallery.json
DATA := --root runs/garments-1
PHOTOS ?= # --photos FOLDER measures severity on real photographs too
release: .venv/.requirements
	$(BIN)/python -m hug render --version garments-1 --out runs/garments-1
	$(BIN)/python -m hug train $(DATA) --out runs/garments-1-point --objective point --steps 1600 --validate-every 400 --threads 1
	$(BIN)/python -m hug train $(DATA) --out runs/garments-1-calibrated --steps 2400 --validate-every 400 --threads 1
	$(BIN)/python -m hug evaluate $(DATA) --checkpoint runs/garments-1-calibrated --point runs/garments-1-point $(PHOTOS)
	$(BIN)/python -m hug gallery $(DATA) --per-category 600 --out assets/gallery.parquet
	$(BIN)/python -m hug index --checkpoint runs/garments-1-calibrated --gallery assets/gallery.parquet --out runs/garments-1-calibrated
	mkdir -p checkpoints/garments
	cp $(addprefix runs/garments-1-calibrated/,$(SHIPPED)) checkpoints/garments/
	$(BIN)/python -m hug results --checkpoints checkpoints/garments --out docs/results.md
