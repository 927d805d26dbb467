PYTHON ?= python3
CORES ?= 2
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: report test test-oldest test-readme test-pages test-faults test-slurm style bench gpu gpu-wheels env lock clean test-apptainer image test-browser docs

report: env  ## the quick study, from nothing to results/quick/report.pdf
	snakemake --cores $(CORES)

test: env  ## every quick test
	pytest --numprocesses $(CORES) --dist loadscope --maxfail 5

test-oldest: build/oldest/ready  ## the same with the oldest versions that pyproject.toml allows, without Snakemake's plugin for SLURM
	PATH="$(CURDIR)/build/oldest/bin:$$PATH" pytest --numprocesses $(CORES) --dist loadscope --maxfail 5 \
	    -W default::DeprecationWarning

test-readme: env  ## the commands of the README, in a clone with a small budget
	pytest -m readme tests/test_readme.py

test-pages: env  ## the commands of the tutorial and of the page on own data
	pytest -m pages tests/test_readme.py

test-faults: env  ## the long tests of kills, full disks and damaged files
	pytest --numprocesses $(CORES) --dist loadfile -m faults -rP

test-slurm: env  ## the cluster profile on a real SLURM, started for the purpose: needs root and Debian's packages
	pytest -m slurm -rs tests/slurm

# each starts a SLURM, so one after the other
test-apptainer: env | $(filter test-slurm,$(MAKECMDGOALS))  ## the image, built and run by the real Apptainer, and a study in it on a real SLURM (root, Debian)
	pytest -m apptainer -rsP tests/apptainer

test-browser: env  ## the web pages, in headless Chromium
	pytest -m browser -rs

docs: env  ## the documentation as pages to open from the disk, build/docs/index.html
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict

style: env  ## what CI checks besides the tests
	ruff check
	ruff format --check
	snakefmt --check Snakefile workflow
	lint-imports --no-logo --no-cache
	snakemake --lint

bench: env  ## time and memory of everything that takes time; SECTIONS="steps plain" for some sections
	python -m benchmarks $(SECTIONS)

gpu: env  ## check the code on this GPU, measure its speed, train: nine minutes, into $OUT or results/gpu
	python -m benchmarks.gpu

gpu-wheels: env  ## packages that `python -m benchmarks.gpu` needs on a machine without internet: build/gpu-wheels
	rm -rf build/gpu-wheels
	python -m pip download --quiet --disable-pip-version-check --dest build/gpu-wheels --only-binary=:all: \
	    --python-version 3.12 --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 \
	    $$(sed -nE 's/^((pydantic|pillow|pyyaml|jaxtyping)==[^ ]+).*/\1/p' requirements.lock)
	du -sh build/gpu-wheels

IMAGE ?= containers/tcwae-$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml).sif

# zstd where Apptainer lets one choose the compression (1.4 and later); unpacked outside of /tmp, which may be small
image:  ## the container image of this version, on a machine with Apptainer and internet
	if apptainer build --help | grep -q -e --mksquashfs-args; then \
	    set -- --mksquashfs-args "-comp zstd -Xcompression-level 1"; fi; \
	export APPTAINER_TMPDIR="$${APPTAINER_TMPDIR:-$${TMPDIR:-/var/tmp}}"; \
	apptainer build "$$@" --build-arg commit=$$(git describe --always --abbrev=10 --exclude='*' --dirty=+ || echo unknown) \
	    "$(IMAGE)" containers/tcwae.def

env: .venv/ready  ## the environment: .venv from requirements.lock

.venv/ready: requirements.lock pyproject.toml setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

# The plugin for SLURM asks for newer packages than tcwae itself; the tests that need it are run by `make test`
build/oldest/ready: pyproject.toml setup.py .venv/ready
	$(PYTHON) -m venv build/oldest
	$(BIN)/uv pip install --quiet --python build/oldest/bin/python --resolution lowest-direct \
	    --editable '.[dev,fid,tensorboard,video]' 'pygments>=2.20' 'snakemake>=9.27'
	touch $@

lock:  ## update requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --all-extras \
	    pyproject.toml --output-file requirements.lock

clean:  ## remove everything that can be made again, except the results
	rm -rf .venv .snakemake
