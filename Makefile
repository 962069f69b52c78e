# Every target builds and uses .venv in this folder; .venv/bin/cxr is the command afterwards.
# The first that runs and is new enough: a name on PATH may be a shim of a version that is not there.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
    $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet
# Tests are compiled once, and not in every process again.
export PYTHONDONTWRITEBYTECODE :=
export CXR_VGG16_WEIGHTS CXR_DATA IMAGES

.PHONY: help up demo check test faults bench lint lock pin audit train screenshots strings clean

help:  ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

up: .venv/installed  ## start everything on this machine: http://127.0.0.1:8000
	@exec .venv/bin/cxr up

demo: .venv/installed  ## classify real radiographs; IMAGES="files folders zips" adds yours
	@exec .venv/bin/cxr demo

check: lint  ## lint, and the tests that need no server, no TensorFlow and no data
	.venv/bin/python -m pytest --numprocesses 2 -p no:hypothesispytest \
	    -m "not server and not browser and not slow and not data"

test: lint  ## run every test, with real servers and a real browser
	@sh tests/browser.sh
	.venv/bin/python -m pytest -m "not soak" --numprocesses 3 --dist loadfile --no-loadscope-reorder \
	    --durations 40 --durations-min 5

faults: .venv/installed-test  ## break everything again and again, then fuzz: three hours
	@sh tests/browser.sh
	.venv/bin/python -m tests.faults --rounds 20
	.venv/bin/python -m tests.faults.inputs.fuzz --minutes 10
	.venv/bin/python -m tests.faults.inputs.bombs
	.venv/bin/python -m tests.faults.inputs.fuzz_http --requests 50000
	.venv/bin/python -m tests.faults.inputs.fuzz_api --requests 20000
	.venv/bin/python -m pytest -m soak

bench: .venv/installed-test  ## measure throughput, latency and cost, as ratios in one run
	@exec .venv/bin/python -m tests.bench

train: .venv/installed-test  ## make the released model again (needs CXR_DATA)
	@exec .venv/bin/cxr train

screenshots: .venv/installed-test  ## take the README's pictures anew, from the released model
	@sh tests/browser.sh
	@exec .venv/bin/python -m tests.support.screens --readme

strings: .venv/installed  ## bring the catalogues of the pages up to date with the words in the code
	@exec .venv/bin/python -m web.language.extract

lint: .venv/installed-test  ## check style and the direction of imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports

UV := 'uv>=0.13,<0.14'
LOCK := .venv/bin/uv pip compile pyproject.toml --quiet --upgrade --universal \
    --python-version 3.11 --generate-hashes --no-annotate --no-header

lock: .venv/bin/python  ## choose the newest packages that pyproject.toml allows, and write locks/
	@$(PIP) install $(UV)
	$(LOCK) --output-file locks/run.txt
	$(LOCK) --constraint locks/run.txt --extra gpu --output-file locks/gpu.txt
	$(LOCK) --constraint locks/run.txt --extra test --output-file locks/test.txt

pin:  ## pin the images of the fleet to what their tags mean now (needs Docker and the Internet)
	@sh locks/pin_images.sh

audit: .venv/bin/python  ## look up known vulnerabilities of everything in locks/ (needs the Internet)
	@$(PIP) install $(UV)
	@.venv/bin/uv tool run 'pip-audit>=2.10,<3' --strict --disable-pip --require-hashes --progress-spinner off \
	    $(foreach file,$(wildcard locks/*.txt),--requirement $(file)) \
	    || { echo "Not clean: what is vulnerable, or could not be looked up, is named above. 'Dependency" \
	        "not found on PyPI' of everything means that this index has no vulnerability data." >&2; exit 1; }

clean:  ## remove the virtual environment
	rm -rf .venv

.venv/bin/python:
	@test -n "$(PYTHON)" \
	    || { echo "Python 3.11 or newer is needed. Found: $$(python3 -V 2>&1 || true)" >&2; exit 1; }
	@echo "Making the virtual environment .venv with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml locks/run.txt
	@echo "Installing cxr-batch (about a minute, once)"
	@$(PIP) install --require-hashes --requirement locks/run.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

.venv/installed-test: .venv/installed locks/test.txt
	@echo "Installing what training and tests need (TensorFlow is large)"
	@$(PIP) install --require-hashes --requirement locks/test.txt
	@touch $@
