"""Architectures as other systems write them: one cell of six operations and DARTS_V2, in each of their forms."""

import json

from nasreplay.spaces.genotypes.notation import to_darts
from nasreplay.spaces.genotypes.published_genotypes import entry

CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"
OTHER = "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
PAIRS = {  # (node, source) → operation
    (1, 0): "nor_conv_3x3",
    (2, 0): "none",
    (2, 1): "nor_conv_1x1",
    (3, 0): "skip_connect",
    (3, 1): "avg_pool_3x3",
    (3, 2): "nor_conv_3x3",
}
DARTS_V1, DARTS_V2 = (to_darts(entry(name).genotype) for name in ("DARTS_V1", "DARTS_V2"))


def cell_texts() -> dict[str, str]:
    """The cell, by who writes it so."""
    hpobench = {f"{node}<-{source}": operation for (node, source), operation in PAIRS.items()}
    return {
        "a structure": f"Structure(4 nodes with {CELL})",
        "a list": f"['{CELL}']",
        "a list of JSON": json.dumps([CELL]),
        "a log line": f"[2020-01-31 12:00:00] The best-geno is {CELL} with 91.1 %",
        "the configuration of the API": str(
            {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": CELL, "num_classes": 10}
        ),
        "the configuration in an archive": json.dumps({"channel": 16, "num_cells": 5, "arch_str": CELL}),
        "a printed configuration": f"Configure(name='infer.tiny', C=16, N=5, arch_str='{CELL}', num_classes=10)",
        "our JSON": json.dumps({"space": "topology", "index": 1, "string": CELL}),
        "the list form in Python": "[(('nor_conv_3x3', 0),), (('none', 0), ('nor_conv_1x1', 1)), "
        "(('skip_connect', 0), ('avg_pool_3x3', 1), ('nor_conv_3x3', 2))]",
        "NNI": json.dumps(
            {f"{source}_{node}": name.replace("nor_", "") for (node, source), name in PAIRS.items()}
        ),
        "NNI 3": str({f"cell/{source}_{node}": name for (node, source), name in PAIRS.items()}),
        "HPOBench": json.dumps(hpobench),
        "ConfigSpace": "Configuration(values={\n"
        + "".join(f"  {key!r}: {name!r},\n" for key, name in hpobench.items())
        + "})",
        "old ConfigSpace": "Configuration:\n"
        + "".join(f"  {key}, Value: {name!r}\n" for key, name in hpobench.items()),
        "Syne Tune": str({f"hp_x{place}": name for place, name in enumerate(PAIRS.values())}),
        "NASLib": "op_indices = [2, 1, 0, 3, 4, 2]",
        "NASLib in JSON": '{"op_indices": [2, 1, 0, 3, 4, 2]}',
    }


def genotype_texts() -> dict[str, str]:
    """DARTS_V2, by who writes it so."""
    found = {
        "a comment": f"# found on a Tuesday\n{DARTS_V2}  # 97.24 %",
        "a byte order mark": f"\ufeff{DARTS_V2}",
        "a log line": f"2019-03-01 10:00:00,123 genotype = {DARTS_V2}",
        "a module": f"genotypes.{DARTS_V2}",
        "a sentence": f"the genotype is {DARTS_V2}, at last",
        "a layout": f"{DARTS_V2[:-1]}, layout='cell')",
        "aw_nas by pairs": f"CNN{DARTS_V2}",
    }
    cells = entry("DARTS_V2").genotype.cells().values()
    edges = [[(name, source, state) for state, name, source in cell.edges()] for cell in cells]
    found["aw_nas"] = (
        "CNNGenotype(normal_0={}, reduce_1={}, normal_0_concat=[2, 3, 4, 5], reduce_1_concat=[2, 3, 4, 5])".format(
            *edges
        )
    )
    found["a configuration of aw_nas"] = (
        "final_model_cfg:\n  genotypes:\n      "
        + found["aw_nas"].replace(", (", ",\n      (")
        + "\n  stem: x\n"
    )
    found["FairDARTS"] = (
        "Genotype(normal={}, normal_concat=range(2, 6), reduce={}, reduce_concat=range(2, 6))".format(
            *([(name, state, source) for name, source, state in cell] for cell in edges)
        )
    )
    nni: dict[str, object] = {"width": 36, "depth": 20}
    for name, cell in zip(("normal", "reduce"), cells, strict=True):
        for state, node in enumerate(cell.nodes, 2):
            for place, (operation, source) in enumerate(node):
                nni |= {f"{name}/op_{state}_{place}": operation, f"{name}/input_{state}_{place}": [source]}
    found["NNI 3"] = json.dumps(nni)
    found["NNI 2"] = str({key: value[0] if isinstance(value, list) else value for key, value in nni.items()})
    return found


NNI_1 = {  # a cell of one node in each part would do; the last of its first source
    "normal_n2_p0": "sepconv3x3",
    "normal_n2_p1": "maxpool",
    "normal_n2_switch": ["normal_n2_p0", "normal_n2_p1"],
    "normal_n3_p0": [],
    "normal_n3_p1": 5,
    "normal_n3_p2": "skipconnect",
    "normal_n3_switch": ["normal_n3_p1", "normal_n3_p2"],
    "reduce_n2_p0": 0,
    "reduce_n2_p1": 1,
    "reduce_n2_switch": ["reduce_n2_p0", "reduce_n2_p1"],
}
NASBENCH301 = {
    f"NetworkSelectorDatasetInfo:darts:{key}": value
    for key, value in {
        "edge_normal_0": "sep_conv_3x3",
        "edge_normal_1": "max_pool_3x3",
        "edge_normal_3": "dil_conv_3x3",
        "edge_normal_4": "skip_connect",
        "inputs_node_normal_3": "1_2",
        "edge_reduce_0": "max_pool_3x3",
        "edge_reduce_1": "avg_pool_3x3",
        "layers": 20,
    }.items()
}
