import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# a machine that is busy with something else fails no test: time is measured by benchmarks
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# tests run beside each other: two threads of each, on two cores, wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")

# scripts that tests start call python3: the one that runs the tests
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

if threading.current_thread() is threading.main_thread():
    # what starts tests in the background ignores Ctrl-C, and the commands that tests start would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def seeded():
    """Weights and inputs a test draws from torch's own generator are the same in every run and order."""
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(0)  # torch.manual_seed notes the stack for GPUs to come: slow


@pytest.fixture(scope="module", autouse=True)
def registries():
    """What the tests of a module register is known to them only."""
    from nasreplay.search import SEARCHERS
    from nasreplay.spaces.registry import SPACES

    known: tuple[Any, ...] = (SEARCHERS, SPACES)
    before = [(registry, dict(registry)) for registry in known]
    yield
    for registry, things in before:
        registry._things = things


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of development data beside the checkout; users don't have it."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "golden").is_dir():
        pytest.skip("needs the development data folder ../shared, which is not here")
    return folder
