# make demo    set everything up, start the Studio with demo data on http://127.0.0.1:$(PORT)
# make test    set everything up, run all tests          make lint   style, import rules, translations, migrations
# make setup   only the set-up (into .venv)              make bench  benchmarks (ratios; minutes, not part of the tests)
# make learn   the tiny PhysVLM from nothing: data, SFT, DPO, evaluation (two cores, no GPU)
PORT ?= 8000
DEMO_CLIPS ?= 24
DEMO_STEPS ?= 30
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
TEST_DATA := $(CURDIR)/data/test
# one more than two cores: a third of their time tests wait for workers, browsers and servers
TEST_PROCESSES ?= 3

.PHONY: setup demo services test lint bench browser learn clean

MESSAGES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))

setup: .venv/.done $(MESSAGES)

%.mo: %.po | .venv/.done
	@$(BIN)/python manage.py messages --compile

.venv/.done: requirements.txt
	@test -n "$(PYTHON)" || { echo "The Studio needs Python 3.11 or newer. Install it, or run: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "python3 -m venv failed; on Debian and Ubuntu install python3-venv."; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch .venv/.done

demo: setup
	@exec $(BIN)/python -m studio.demo --port $(PORT) --clips $(DEMO_CLIPS) --steps $(DEMO_STEPS)

# PostgreSQL and Redis of this machine, without web server and workers
services: setup
	@$(BIN)/python -m studio.local start && $(BIN)/python manage.py migrate -v0

# Real browser tests need a Chromium that plays H.264: Debian's, else the one Playwright fetches
browser:
	@sh tests/browser/get_chromium.sh $(BIN)

test: setup browser
	STUDIO_DATA_DIR=$(TEST_DATA) $(BIN)/python -m studio.local start
	STUDIO_DATA_DIR=$(TEST_DATA) $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile $(ARGS); status=$$?; \
		STUDIO_DATA_DIR=$(TEST_DATA) $(BIN)/python -m studio.local stop; exit $$status

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python manage.py messages --check
	STUDIO_DATA_DIR=$(TEST_DATA) $(BIN)/python -m studio.local start
	STUDIO_DATA_DIR=$(TEST_DATA) $(BIN)/python manage.py makemigrations --check --dry-run

bench: setup browser
	$(BIN)/python -m tests.benchmarks

# Trained on eight themes of GlitchWorld's plain level, evaluated on the three others. LABELS=shuffled: the control, which
# must stay at chance. Preferences come from clips that SFT did not see, which it cannot know by heart.
LEARN ?= data/learn
TRAIN_CLIPS ?= 6500
PAIR_CLIPS ?= 5000
TEST_CLIPS ?= 1000
TRAIN_THEMES := meadow city factory desert snow castle town garden
TEST_THEMES := moon harbour station
LABELS ?= true
RUN := $(LEARN)/$(LABELS)
LABEL_SETTING := $(if $(filter shuffled,$(LABELS)),--set shuffle_labels=true)
MANAGE := $(BIN)/python manage.py
WORLD := $(MANAGE) make_glitchworld --level plain --arrays --glitch-free 0.08
# glibc gives large blocks back to the system at once and gets them anew in each step, which costs more than the arithmetic
learn: export MALLOC_MMAP_THRESHOLD_ = 1000000000
learn: export MALLOC_TRIM_THRESHOLD_ = 4000000000

learn: setup
	@test ! -e $(RUN)/sft || { echo "$(RUN)/sft is there already. Delete $(RUN), or choose another folder: make learn LEARN=..."; exit 1; }
	$(WORLD) $(LEARN)/train --clips $(TRAIN_CLIPS) --seed 1 $(TRAIN_THEMES:%=--theme %)
	$(WORLD) $(LEARN)/pairs --clips $(PAIR_CLIPS) --seed 3 $(TRAIN_THEMES:%=--theme %)
	$(WORLD) $(LEARN)/test --clips $(TEST_CLIPS) --pairs 6 --seed 2 $(TEST_THEMES:%=--theme %)
	$(MANAGE) train_physvlm --stage sft --preset tiny-sft --data $(LEARN)/train --out $(RUN)/sft $(LABEL_SETTING)
	$(MANAGE) evaluate_physvlm --model $(RUN)/sft/model --data $(LEARN)/test --controls 500 --out $(RUN)/sft.json
	$(MANAGE) train_physvlm --stage dpo --preset tiny-dpo --data $(LEARN)/pairs --init $(RUN)/sft/model --out $(RUN)/dpo $(LABEL_SETTING)
	$(MANAGE) evaluate_physvlm --model $(RUN)/dpo/model --data $(LEARN)/test --against $(RUN)/sft.json --out $(RUN)/dpo.json

clean:
	-@$(BIN)/python -m studio.local stop 2>/dev/null
	rm -rf data .venv
