"""Genotypes and network sizes recorded from the source systems."""

import json
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"


def facts(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())
