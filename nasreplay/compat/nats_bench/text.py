"""The official text about one architecture (`query_info_str_by_arch`, `show`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nasreplay.compat.nats_bench.results import ArchResults

Info = Callable[[str], Mapping[str, Any]]


def info_text(results: ArchResults, info: Info, extra: str | None, *, size: bool) -> str:
    """Two lines for each data set: costs, and losses and accuracies at the last epoch, means over trials."""
    names = results.get_dataset_names()
    lines = [results.arch_str, f"datasets : {names}, extra-info : {extra}"]
    for name in names:
        cost = {key: _number(value) for key, value in results.get_compute_costs(name).items()}
        lines.append(
            f"{name:14s} FLOP={cost['flops']:6.2f} M, Params={cost['params']:.3f} MB, "
            f"latency={cost['latency'] * 1000:.2f} ms."
        )
        found = info(name)
        hidden = {"valtest"} if size or name != "cifar10-valid" else {"valtest", "test"}
        accuracies = {key.removesuffix("-accuracy"): found[key] for key in found if key.endswith("-accuracy")}
        groups = [each for each in accuracies if each not in hidden and accuracies[each] is not None]
        parts = [_part(group, found, name) for group in groups]
        lines.append(f"{name:14s} {', '.join(parts)}")
    return "\n".join(lines)


def _part(group: str, found: Mapping[str, Any], name: str) -> str:
    loss, accuracy = _number(found[f"{group}-loss"]), found[f"{group}-accuracy"]
    heading = "test " if (name, group) == ("cifar10", "test") else group
    return f"{heading} : [loss = {loss:.3f} & top1 = {accuracy:.2f}%]"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
