# `make demo` and `make test` set themselves up in .venv first. PYTHON picks the interpreter (3.11 or newer).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOSA := .venv-tosa
TOSA_PINS := tests/peers/constraints-tosa.txt
# Peers of the cost model, each in an environment of its own: what they want of numpy and pandas differs.
COST_PEERS := .venv-scalesim .venv-vela .venv-zigzag

.PHONY: demo test prove profiles rtl-image rtl-mutation bench bench-scaling bench-cost bench-vectors lint types pytest clean

demo: $(VENV)/installed
	$(BIN)/bittrue demo --out out/demo

test: lint types pytest

# Every accumulator of 32 bits through the requantizer, 65 cases: some minutes.
prove: $(VENV)/installed
	$(BIN)/python tests/proofs/prove_requantizer.py

# Every profile against the runtime or the RTL outputs that it mirrors; writes the table in docs/profiles.md. Minutes.
profiles: $(VENV)/installed $(TOSA)/installed
	$(BIN)/python tests/peers/table.py --write docs/profiles.md

# A whole mobilevit_xxs image through the Verilated designs of tests/rtl, every tensor against the simulator.
rtl-image: $(VENV)/installed
	$(BIN)/python tests/rtl/image.py --out out/rtl_image

# Faults in the netlists of these designs, and how many the directed vectors show. UNITS="softmax norm": these alone.
rtl-mutation: $(VENV)/installed
	$(BIN)/python tests/rtl/mutate.py $(UNITS) --count 200

# Every row of the speed table on this machine, half an hour; BENCH='--quick --only batch1', --list, --write, --help.
bench: $(VENV)/bench-installed $(TOSA)/installed
	$(BIN)/python -m benchmarks.performance $(BENCH)

# Time against image side, batch and model, as a plot.
bench-scaling: $(VENV)/bench-installed
	$(BIN)/python -m benchmarks.scaling $(BENCH)

# A package of a whole model: written, checked and replayed, in MB/s.
bench-vectors: $(VENV)/installed
	$(BIN)/python -m benchmarks.vectors $(BENCH)

# The cost model against SCALE-Sim, Vela and ZigZag; writes the tables in docs/cost_model.md. Some 20 minutes.
bench-cost: $(VENV)/bench-installed $(COST_PEERS:=/installed)
	$(BIN)/bittrue bench cost --out out/cost --page docs/cost_model.md $(BENCH)

.venv-scalesim/installed: PEER := scalesim
.venv-vela/installed: PEER := ethos-u-vela
.venv-zigzag/installed: PEER := zigzag-dse six
.venv-%/installed: tests/peers/constraints-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --constraint $< $(PEER)
	touch $@

$(VENV)/bench-installed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $@

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# The TOSA reference model needs another numpy than bittrue.
$(TOSA)/installed: $(TOSA_PINS)
	$(PYTHON) -m venv $(TOSA)
	$(TOSA)/bin/python -m pip install --quiet --constraint $(TOSA_PINS) tosa-tools
	touch $@

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# Type checkers do not follow the import hook of an editable install, so they get a plain copy.
types: $(VENV)/installed
	rm -rf build
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --target build/types .
	cp -R benchmarks build/types/
	cd build/types && MYPYPATH=. ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache \
	    -p bittrue -p benchmarks

# First the arithmetic as plain Python, where nothing can wrap unseen, then everything with the compiled kernels.
pytest: $(VENV)/installed $(TOSA)/installed
	NUMBA_DISABLE_JIT=1 $(BIN)/pytest -q -n 2 tests/ops tests/simulator tests/vectors
	$(BIN)/pytest -n 2

clean:
	rm -rf $(VENV) $(TOSA) $(COST_PEERS) build out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
