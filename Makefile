# make demo   sets everything up and runs the main job on a real head volume; leaves demo/
# make test   sets everything up and runs the tests, on all cores
# make test-long  the tests that make test leaves out: whole trainings and jobs killed and resumed, clusters of processes
# make test-fast  the tests for daily work: those that neither train, nor start programs, nor open the panel
# make mutants  changes the engine's code in small ways and counts what the tests notice; MUTANTS="image --count 10"
# make faults  injects 1,000 faults into whole jobs and gives 10,000 damaged inputs to the readers; FAULTS="--seed 2"
# make lint   checks style
# make benchmark  measures speed and memory beside other networks (a quarter of an hour); writes docs/benchmarks.md
# make benchmark-gpu  the same on a graphics card in ten minutes, with a Python that has PyTorch for CUDA; PYTHON=python3
# make scale  measures 10,000 small images and a volume of 1024x1024x1000; draws docs/speed-scale.svg
# make screenshots  takes the pictures of README and tutorial, and of each state of the panel (build/panel-states)
# make clean  removes what the other targets made
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Slicer's views are rendered offscreen through EGL, and Qt draws the panel into memory; no screen is needed.
export VTK_DEFAULT_OPENGL_WINDOW := vtkEGLRenderWindow
export QT_QPA_PLATFORM := offscreen

.PHONY: demo test test-long test-fast mutants faults lint benchmark benchmark-gpu scale screenshots clean
.DELETE_ON_ERROR:

demo: $(READY)
	$(BIN)/python Testing/demo.py

# A file's tests share models and programs that they have started, so they stay in one process. The order is that of
# Testing/conftest.py: the longest files first.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test: $(READY)
	$(PYTEST) -m 'not (long or cluster)'

test-long: $(READY)
	$(PYTEST) -m 'long or cluster' Testing/bed Testing/benchmarks Testing/extension Testing/faults Testing/resformer_unet/batch \
		Testing/resformer_unet/training Testing/resformer_unet/sequence Testing/resformer_unet/learning \
		Testing/ResFormerSegLib/panel/test_learning_loop.py Testing/ResFormerSegLib/panel/test_section_cases.py

# What is not collected need not be imported: Lightning and MONAI alone take longer than a hundred tests.
NOT_FAST := ResFormerSegLib/engine ResFormerSegLib/panel ResFormerSegLib/runs bed benchmarks golden mutants \
	resformer_unet/batch/cluster resformer_unet/evaluation/test_surface_distance.py \
	resformer_unet/inference/backends/test_choice.py resformer_unet/model/test_onnx_graph.py resformer_unet/training

test-fast: $(READY)
	$(PYTEST) -m 'not (long or slow or training or cluster or panel)' \
		$(addprefix --ignore Testing/,$(NOT_FAST))

mutants: $(READY)
	$(BIN)/python Testing/mutants/run.py $(MUTANTS)

# Goes on where it was stopped: build/faults holds what was done. Some faults need root, for disks of a few pages.
faults: $(READY)
	PYTHONPATH=ResFormerSeg:Testing $(BIN)/python -m faults.run $(FAULTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

benchmark: $(VENV)/.benchmark-ready
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/document.py

benchmark-gpu:
	$(PYTHON) benchmarks/gpu.py
	$(PYTHON) benchmarks/document.py

scale: $(VENV)/.benchmark-ready
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/scale.py --picture docs/speed-scale.svg

screenshots: $(READY)
	$(BIN)/python Testing/screenshots.py

$(READY): pyproject.toml constraints-dev.txt Testing/system-libraries
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "Python 3.10 to 3.13 is needed: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	Testing/system-libraries
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints-dev.txt --editable '.[dev]'
	@touch $@

# The last package would bring along torchvision, which does not load beside PyTorch for the CPU, and uses none of it.
$(VENV)/.benchmark-ready: $(READY) benchmarks/without-dependencies.txt
	$(BIN)/python -m pip install --quiet --constraint constraints-dev.txt --editable '.[dev,benchmark]'
	$(BIN)/python -m pip install --quiet --no-deps --requirement benchmarks/without-dependencies.txt
	@touch $@

clean:
	rm -rf $(VENV) demo .cache build dist .pytest_cache .ruff_cache benchmarks/results
