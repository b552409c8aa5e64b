# make tour: everything, from a fresh clone. Needs python3 (3.11 or 3.12) with pip, make, and 9 GB of disk.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LESSON_LANGUAGE ?= en
LESSONS ?=
CELL_SECONDS := 900
OFFLINE := HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 HF_DATASETS_OFFLINE=1

.DEFAULT_GOAL := help
.PHONY: help setup tour lab test lint unit check nbval sync outputs readme lock clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "make %-8s %s\n", $$1, $$2}'

setup: $(READY)  ## make .venv and install everything into it (done by itself when needed)

tour: $(READY)  ## run the lessons offline, one table at the end [LESSON_LANGUAGE=zh] [LESSONS="06_qwen2_vl_lora"]
	@$(BIN)/python -m helpers.course tour --language $(LESSON_LANGUAGE) --lessons $(LESSONS)

lab: $(READY)  ## open JupyterLab on lesson 1 [LESSON_LANGUAGE=zh]
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/$(LESSON_LANGUAGE)/01_install.ipynb

test: lint unit check nbval  ## everything below, then all notebooks of both languages

lint: $(READY)  ## ruff: mistakes and layout, notebooks too
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

unit: $(READY)  ## unit tests, a process on each of two cores
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

check: $(READY)  ## are the two languages in step, and the kept outputs whole?
	@$(BIN)/python -m helpers.course check

nbval: $(READY)  ## run all notebooks, two lessons at a time; Chinese ones take the runs that English ones have finished
	@rm -rf build/nbval
	@ls -S notebooks/en | xargs -P 2 -I{} $(MAKE) --no-print-directory nbval-{}

nbval-%.ipynb: $(READY)
	@$(OFFLINE) OMP_NUM_THREADS=1 LESSON_OUTPUT=build/nbval/$* $(BIN)/python -m pytest -p no:cacheprovider --nbval-lax \
	  --nbval-sanitize-with=tests/nbval.cfg --nbval-current-env --nbval-cell-timeout=$(CELL_SECONDS) -x \
	  notebooks/en/$*.ipynb notebooks/zh/$*.ipynb

sync: $(READY)  ## copy code to the other language, mark translations [FROM=zh] [SAME="06_qwen2_vl_lora/intro"]
	@$(BIN)/python -m helpers.course sync $(if $(FROM),--from $(FROM)) $(if $(SAME),--same $(SAME))

outputs: $(READY)  ## run the notebooks of both languages and keep their outputs [LESSONS="01_install"]
	@$(BIN)/python -m helpers.course outputs --lessons $(LESSONS)

readme: $(READY)  ## put the results of the last tour into both READMEs
	@$(BIN)/python -m helpers.course readme

lock: $(READY)  ## write requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate \
	  --extra torch --extra dev pyproject.toml -o requirements.lock

clean:  ## remove build/ and output/ (the environment stays; rm -r .venv removes it)
	rm -rf build output

$(READY): requirements.lock pyproject.toml
	@bash .ci/setup
