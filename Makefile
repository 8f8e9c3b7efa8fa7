# make repro   set up and run the whole study
# make test    set up and run the checks
# make lock    pin what pyproject.toml asks for, after changing it
# make clean   remove .venv and .cache, asking first; YES=1: without asking
#
# TORCH=cpu or TORCH=cuda   the build of torch; without it, CUDA where there is an NVIDIA GPU, else CPU
# PYTHON=...                the Python to set up with, 3.11 to 3.13

ifeq ($(filter "" "cpu" "cuda","$(TORCH)"),)
$(error TORCH must be cpu or cuda, or left out. Got "$(TORCH)")
endif
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c '' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: repro test lock clean

repro: .venv/.ready
	$(BIN)/tune-or-retrieve check
	$(BIN)/dvc repro
	@cat metrics/table.md

test: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Made only when everything is in place: an interrupted set-up goes on where it was.
.venv/.ready: requirements.lock requirements-nodeps.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "error: Python must be 3.11 to 3.13. Got %d.%d. Name another: make repro PYTHON=/path/to/python3.11" % v)'
	@rm -f $@
	$(PYTHON) -m venv .venv
	torch=$$($(BIN)/python scripts/torch_build.py $(TORCH)) && \
	$(BIN)/pip install --disable-pip-version-check --progress-bar off -r requirements.lock "$$torch"
	$(BIN)/pip install --disable-pip-version-check --progress-bar off --no-deps -r requirements-nodeps.lock
	$(BIN)/pip install --disable-pip-version-check --progress-bar off --no-deps --editable .
	$(BIN)/python scripts/plots_page.py .venv/plots.html
	@test ! -x $(BIN)/dvc || $(BIN)/dvc config --local plots.html_template ../.venv/plots.html
	touch $@

# Named anew, it may be another build than the one that is there: pip looks again, which takes seconds.
ifdef TORCH
.PHONY: .venv/.ready
endif

lock:
	$(PYTHON) scripts/lock.py

# Asks before it removes calls and trainings that were paid for, but with YES=1.
clean:
ifneq ($(YES),1)
	@test ! -e .cache || test -x $(BIN)/python || { echo "error: .cache may hold what was paid for, and there is no .venv to look with. To remove it all the same: make clean YES=1" >&2; exit 1; }
	@test ! -e .cache || $(BIN)/python -m tune_or_retrieve.commands.clean
endif
	rm -rf .venv .cache
