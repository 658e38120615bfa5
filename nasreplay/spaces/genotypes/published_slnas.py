"""The fourteen known architectures of SLNAS, with their origin, and what their networks cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nasreplay.spaces.costs.nasnet_cost import Cost
from nasreplay.spaces.costs.slnas_cost import totals
from nasreplay.spaces.costs.slnas_plan import SLNASPlan
from nasreplay.spaces.genotypes.slnas_forms import read_codes, to_lists
from nasreplay.spaces.published import Publications, PublishedArchitecture

README = "README and programs of SLNAS, github.com/Yee-Master/SLNAS, 2021"
LATER = "github.com/huanyu-chen/LNASG-and-SLNAS-model, 2023, and its history"
OF_README = 3
"""The first so many are of the release itself."""
PLANS = {
    f"{channels} channels, blocks {list(blocks)}": SLNASPlan(channels, blocks, 10, "cifar")
    for channels, blocks in ((32, (4, 4)), (40, (2, 2)), (48, (4, 4)))
}
"""The defaults of CIFAR retraining, the README's command, and what fits the published size best."""
REMARK = (
    "which network has the 1.31 M parameters and 2.86 % error of SLNAS's README is stated nowhere: 48 channels and "
    "blocks [4, 4] have 1.27 to 1.37 M, and the README's command, 40 channels and blocks [2, 2], has 0.64 M"
)
_LISTS = """
SLNAS_readme_aid50: README; AID, 50 % for training
  0104 1303 0300 1103 0310
  0310 0411 1103 0212 1103
SLNAS_default_prob: default of retraining, or prob
  0401 0411 0134 1003 1104
  0300 1010 1000 1410 1114
SLNAS_warmstart: first one of every search
  0101 0101 0101 0101 0101
  0101 0101 0101 0101 0101
SLNAS_aid20_searched: AID, 20 % for training
  0004 1013 0010 0410 0301
  0410 0110 1012 1110 0300
SLNAS_nwpu10_searched: NWPU-RESISC45, 10 % for training
  0314 0002 1304 0203 0111
  1101 0310 0032 1403 0303
SLNAS_nwpu20_searched: NWPU-RESISC45, 20 % for training
  0013 0313 1213 1110 1314
  0310 1301 0302 1302 5352
SLNAS_leaf_searched: PlantVillage
  1300 1421 1000 0104 0011
  1311 0410 1310 0001 1003
SLNAS_flowers_searched: Flowers102
  0313 1121 2001 4234 4152
  1402 2021 0020 4133 3031
SLNAS_indoor_searched: MIT67
  0302 0411 0003 0102 1413
  0204 0214 2013 1000 1013
SLNAS_sport_searched: Sport8
  0413 2014 0111 3114 5244
  1111 2102 3122 1000 0050
SLNAS_cifar_transfer: CIFAR, for transfer; small LSTM
  0201 0010 0333 1100 0313
  1011 0111 0134 1404 2011
SLNAS_aid20_small: AID, 20 %, small
  0301 1401 0104 1301 0133
  0101 1411 1013 0302 1214
SLNAS_lstm_aid50: LSTM; AID, 50 % for training
  0203 0311 1310 0113 0110
  1103 0101 1213 1010 1103
SLNAS_new_lstm: new LSTM
  0111 1124 0300 1143 1052
  1410 1110 0411 0111 1013
"""


def _published() -> dict[str, PublishedArchitecture]:
    """Each by its name; a line of a cell has four digits a node."""
    lines, found = iter(_LISTS.strip().splitlines()), {}
    for head, *cells in zip(lines, lines, lines, strict=True):
        name, _, origin = head.partition(": ")
        source = README if len(found) < OF_README else LATER
        digits = "".join(cells).replace(" ", "")
        found[name] = PublishedArchitecture(to_lists([int(digit) for digit in digits]), source, origin)
    return found


def _networks(text: str) -> Mapping[str, Cost]:
    """What the networks of an architecture cost, with auxiliary heads, for CIFAR-10."""
    codes = np.array([read_codes(text)])
    return {words: Cost(*totals(codes, plan)[0, :2].tolist()) for words, plan in PLANS.items()}


PUBLISHED = Publications(_published(), _networks, REMARK)
