"""What was recorded of the networks of SLNAS, and the codes of its known architectures."""

import json
from pathlib import Path

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/slnas_networks.json").read_text(encoding="utf-8"))
LISTS = {name: [code for cell in cells for code in cell] for name, cells in GOLDEN["architectures"].items()}
