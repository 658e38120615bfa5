"""The modules of CNAS that its README imports, over nasreplay's own (https://github.com/guoyongcs/CNAS)."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3]))  # a checkout that is not installed
