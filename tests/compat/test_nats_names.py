"""The names that official tests and notebooks import beside the API."""

import importlib
import re

import pytest

from nasreplay.compat.nats_bench import api_size, api_topology, api_utils, create
from nasreplay.errors import NasReplayError

IMPORTED = {
    "api_size": ("ALL_BASE_NAMES", "NATSsize", "print_information"),
    "api_topology": ("ALL_BASE_NAMES", "NATStopology", "print_information"),
    "api_utils": (
        "ArchResults", "NASBenchMetaAPI", "PICKLE_EXT", "ResultsCount", "get_file_system", "get_torch_home",
        "nats_is_dir", "nats_is_file", "remap_dataset_set_names", "reset_file_system", "time_string",
    ),
    "genotype_utils": ("topology_str2structure",),
}  # fmt: skip


@pytest.mark.parametrize("module", IMPORTED)
def test_what_is_imported_there_is_here(module):
    found = importlib.import_module(f"nasreplay.compat.nats_bench.{module}")
    assert [name for name in IMPORTED[module] if not hasattr(found, name)] == []


def test_names_of_the_archives():
    assert api_topology.ALL_BASE_NAMES == ["NATS-tss-v1_0-3ffb9"]
    assert api_size.ALL_BASE_NAMES == ["NATS-sss-v1_0-50262"]
    assert api_utils.PICKLE_EXT == "pickle.pbz2"


def test_times_places_and_files(tmp_path, monkeypatch):
    assert re.fullmatch(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]", api_utils.time_string())
    monkeypatch.setenv("TORCH_HOME", "/data/torch")
    assert api_utils.get_torch_home() == "/data/torch"
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert api_utils.get_torch_home() == "/home/me/.torch"
    monkeypatch.delenv("HOME")
    with pytest.raises(ValueError, match="TORCH_HOME"):
        api_utils.get_torch_home()
    assert (api_utils.nats_is_dir(tmp_path), api_utils.nats_is_file(tmp_path)) == (True, False)
    api_utils.reset_file_system("default")
    with pytest.raises(NasReplayError, match="google"):
        api_utils.reset_file_system("google")


def test_the_information_of_one_architecture_is_that_of_the_api(capsys):
    api = create("embedded", "tss", verbose=False)
    lines = api_topology.print_information(
        api.query_meta_info_by_index(11, "200"), "arch-index=11", show=True
    )
    assert "\n".join(lines) == api.query_info_str_by_arch(11, "200")
    assert capsys.readouterr().out == "\n".join(lines) + "\n"
