# make tour: everything, from a fresh clone. Needs python3 (3.11 to 3.13) with pip, make, and 9 GB of disk.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LESSON_LANGUAGE ?= en
unexport LESSON_LANGUAGE  # which lessons; what they say goes by their folder
LESSONS ?=
MODE ?= tiny
MODELS_DIR ?=
LESSON ?=
CELL_SECONDS := 900
OFFLINE := HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 HF_DATASETS_OFFLINE=1
# Python keeps what it has compiled, whatever the machine says: each kernel and child then starts in a third of the time
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup tour lab test lint unit real check nbval sync outputs readme kills lock clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "make %-8s %s\n", $$1, $$2}'

setup: $(READY)  ## make .venv and install everything into it (done by itself when needed)

tour: $(READY)  ## run the lessons, one table at the end [LESSONS="06_qwen2_vl_lora"] [MODE=real] [MODELS_DIR=…] [LESSON_LANGUAGE=zh]
	@$(BIN)/python -m helpers.course tour --language $(LESSON_LANGUAGE) --mode $(MODE) \
	  $(if $(MODELS_DIR),--models-dir "$(MODELS_DIR)") --lessons $(LESSONS)

lab: $(READY)  ## open JupyterLab on lesson 1 [LESSON_LANGUAGE=zh]
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/$(LESSON_LANGUAGE)/01_install.ipynb

test: $(if $(LESSON),lint check,lint unit check) real nbval  ## all tests, then all notebooks of both languages [LESSON=06]

lint: $(READY)  ## ruff: mistakes and layout, notebooks too
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

unit: $(READY)  ## unit tests, a process on each of two cores [K=validate]
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder \
	  --ignore tests/test_real_mode.py $(if $(K),-k '$(K)') tests/llamafactory tests/training tests/models tests  # longest first

real: $(READY)  ## each lesson in real mode on a CPU, with tiny weights laid out as the official ones
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 tests/test_real_mode.py $(if $(LESSON),-k '$(LESSON)')

check: $(READY)  ## are the two languages in step, and the kept outputs whole?
	@$(BIN)/python -m helpers.course check

nbval: $(READY)  ## run all notebooks, two at a time; Chinese ones take the runs that English ones have finished
	@rm -rf build/nbval
	@$(MAKE) --no-print-directory --jobs 2 --output-sync \
	  $(addprefix nbval-,$(filter $(LESSON)%,$(shell $(BIN)/python -m helpers.course order)))

nbval-%: $(READY)
	@$(OFFLINE) OMP_NUM_THREADS=1 LESSON_OUTPUT=build/nbval $(BIN)/python -m pytest -p no:cacheprovider --nbval-lax \
	  --nbval-sanitize-with=tests/nbval.cfg --nbval-current-env --nbval-cell-timeout=$(CELL_SECONDS) -x \
	  notebooks/en/$*.ipynb notebooks/zh/$*.ipynb

nbval-07_inference: $(if $(LESSON),,nbval-06_qwen2_vl_lora)  # whose adapter it takes

sync: $(READY)  ## copy code to the other language, mark translations [FROM=zh] [SAME="06_qwen2_vl_lora/intro"]
	@$(BIN)/python -m helpers.course sync $(if $(FROM),--from $(FROM)) $(if $(SAME),--same $(SAME))

outputs: $(READY)  ## run the notebooks of both languages and keep their outputs [LESSONS="01_install"]
	@$(BIN)/python -m helpers.course outputs --lessons $(LESSONS)

readme: $(READY)  ## put the results that the notebooks show into both READMEs
	@$(BIN)/python -m helpers.course readme

kills: $(READY)  ## kill each stage at random moments, run it again, compare: an hour or two [STAGE=training] [KILLS=50]
	@$(BIN)/python tests/reliability/kills.py $(if $(STAGE),--stage $(STAGE)) --kills $(or $(KILLS),50)

lock: $(READY)  ## write requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate \
	  --extra torch --extra dev pyproject.toml -o requirements.lock

clean:  ## remove build/ and output/ (the environment stays; rm -r .venv removes it)
	rm -rf build output

$(READY): requirements.lock pyproject.toml
	@bash .ci/setup
