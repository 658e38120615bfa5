"""Released weights: where their files are, and the networks that have them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nasreplay.errors import BadInput, BadSetting
from nasreplay.jobs import silent
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.nasnet.released_network import ReleasedNetwork
from nasreplay.settings import check_kind
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.published_genotypes import Entry, entry
from nasreplay.spaces.genotypes.published_results import WEIGHTS, Weights
from nasreplay.train.foreign.weights_file import HEAD, digest_of, take_weights, weights_of


def pretrained(
    name: str,
    *,
    dataset: str = "",
    weights: Path | str | None = None,
    trained: bool = True,
    pairs: bool = False,
    model_dir: Path | str | None = None,
    download: bool = True,
    check_hash: bool = False,
    map_location: str = "cpu",
) -> NASNet:
    """The network of a published genotype with the weights of its release.

    name: CNAS or another entry of the zoo with weights. dataset: whose, where there are several. weights: their file;
    else it is looked for in `model_dir`, by default $TORCH_HOME/hub/checkpoints, and, as torch.hub does, downloaded
    there where the release has an address (`download=False`: not). trained: False builds the network with fresh
    weights. pairs: outputs are (logits, auxiliary logits or None) and state dicts have the release's names.
    check_hash: a file with another digest than the release's is refused, else it is warned of. map_location: device
    of the network. Raises UnknownName, BadSetting, BadInput or UnsafePickle.
    """
    check_kind("name", name, str)
    one = entry(name)
    about = weights_for(one, dataset)
    plan = Plan(about.channels, about.cells, about.classes, about.stem, about.auxiliary, one.dialect)
    kind = ReleasedNetwork if pairs else NASNet
    if not trained:
        return kind(one.genotype, plan).to(map_location)
    file = Path(weights) if weights else find_weights(one, about, model_dir, download=download)
    differs = other_digest(file, about) if check_hash else warning_of(one, file)
    if differs and check_hash:
        raise BadInput(differs)
    if differs:
        warnings.warn(differs, stacklevel=3)
    state = weights_of(file)
    network = kind(one.genotype, replace(plan, auxiliary=any(key.startswith(HEAD) for key in state)))
    take_weights(network, state, file)
    return network.to(map_location)


def weights_for(one: Entry, dataset: str = "") -> Weights:
    """The released weights of an entry of the zoo. Raises BadSetting where none are known."""
    found = [each for each in one.weights if dataset in ("", each.dataset)]
    if not found:
        on = f" for {dataset}" if dataset else ""
        known = ", ".join(f"{name} ({each.dataset})" for name, every in WEIGHTS.items() for each in every)
        raise BadSetting(
            f"{one.name}: no released weights{on} are known, only of {known}: --weights FILE names a file"
        )
    return found[0]


def find_weights(
    one: Entry,
    about: Weights,
    model_dir: Path | str | None = None,
    *,
    download: bool = False,
    tell: Callable[[str], None] = silent,
) -> Path:
    """The file of released weights, in `model_dir` or where PyTorch's hub keeps it. Raises BadInput, one line.

    download: fetch a file that is not there and has an address; tell: gets a line before that.
    """
    import torch

    folder = Path(model_dir) if model_dir else Path(torch.hub.get_dir()) / "checkpoints"
    file, failed = folder / about.file, ""
    if not file.exists() and download and about.address:
        tell(f"downloading {about.address} into {folder}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(about.address, str(file), progress=False)
        except OSError as problem:
            failed = f" and cannot be downloaded ({getattr(problem, 'reason', problem)})"
    if file.exists():
        return file
    fetched = ", --download fetches it" if about.address and not download else ""
    untrained = f'`nasreplay.models.pretrained("{one.name}", trained=False)` is the network untrained'
    raise BadInput(
        f"{about.file} is not in {folder}{failed}: get it from {about.page} and put it there, or name another place "
        f"with --weights{fetched}; {untrained}"
    )


def find_for(one: Entry | None, dataset: str, *, download: bool, tell: Callable[[str], None]) -> Path:
    """`find_weights` of a target's entry, if it has one, and of a data set. Raises BadSetting, too."""
    if one is None:
        raise BadSetting("of this network no weights were released: --weights FILE names a file")
    return find_weights(one, weights_for(one, dataset), download=download, tell=tell)


def warning_of(one: Entry | None, file: Path) -> str:
    """What to say of a file that carries the name of released weights of an entry; "" for all others."""
    named = [about for about in (one.weights if one else ()) if about.file == file.name]
    return other_digest(file, named[0]) if named else ""


def other_digest(file: Path, about: Weights) -> str:
    """What to say of a file whose digest is not that of released weights; "" if it is."""
    kind, _, begin = about.digest.partition(":")
    if (found := digest_of(file, kind)).startswith(begin):
        return ""
    return (
        f"{file}: its {kind} begins with {found[: len(begin)]}, the released one with {begin}: get it again"
    )
