"""Nothing is fetched unless asked; archives that lie there are checked and used; a failure leaves nothing behind."""

import hashlib
import io
import socket
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nasreplay.data.cards.base import ImageFiles
from nasreplay.errors import BadData, BadOutput
from nasreplay.train.images import published_files as published
from nasreplay.train.images.image_sources import load
from tests.support.made_up import published_files


@pytest.fixture
def no_network(monkeypatch):
    """Every use of the network is refused, and noted."""
    asked: list[object] = []

    def refuse(*arguments, **_):
        asked.append(arguments)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return asked


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """The archive of a made-up CIFAR-100, in the folder site."""
    about = published_files(tmp_path / "site", published.PUBLISHED["cifar100"], monkeypatch)
    file = tmp_path / "site" / "cifar-100-python.tar.gz"
    with tarfile.open(file, "w:gz") as content:
        content.add(tmp_path / "site" / about.folder, about.folder)
    publish(monkeypatch, about._replace(archive_md5=md5_of(file)))
    return file


def md5_of(file) -> str:
    return hashlib.md5(file.read_bytes()).hexdigest()


def publish(monkeypatch, about: ImageFiles) -> ImageFiles:
    monkeypatch.setitem(published.PUBLISHED, "cifar100", about)
    return about


@pytest.fixture
def site(tmp_path, archive, monkeypatch):
    """A web server of the folder site, which is where the archive is published."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path / "site"))

        def log_message(self, format, *arguments) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{archive.name}"
        yield publish(monkeypatch, published.PUBLISHED["cifar100"]._replace(address=address))
        server.shutdown()


@pytest.mark.parametrize("name", ["cifar10", "cifar10-valid", "CIFAR-100"])
def test_without_being_asked_nothing_is_fetched(tmp_path, no_network, name):
    with pytest.raises(
        BadData, match=r"`nasreplay data fetch cifar10+ --data .*` gets it \(1\d\d MB\)"
    ) as told:
        load(name, tmp_path / "none")
    assert "\n" not in str(told.value)
    assert not no_network
    assert not (tmp_path / "none").exists()


def test_no_network_is_one_clear_line_and_leaves_nothing(tmp_path, no_network):
    with pytest.raises(BadData, match=r"cannot be downloaded .*--data") as caught:
        load("cifar10", tmp_path / "new" / "folder", fetch=True)
    assert "\n" not in str(caught.value)
    assert no_network
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BadData, match=r"ImageNet16/"):
        load("ImageNet16-120", tmp_path, fetch=True)


def test_a_download_is_checked_and_unpacked(tmp_path, monkeypatch, site):
    assert len(load("cifar100", tmp_path / "data" / "new", fetch=True).train) == 24
    assert [each.name for each in (tmp_path / "data" / "new").iterdir()] == [site.folder]
    publish(monkeypatch, site._replace(archive_md5="0" * 32))
    with pytest.raises(BadData, match="its md5 is not the published 0000"):
        load("cifar100", tmp_path / "other", fetch=True)
    assert not (tmp_path / "other").exists()
    (tmp_path / "file").touch()
    with pytest.raises(BadOutput, match="cannot be written"):
        load("cifar100", tmp_path / "file", fetch=True)


def test_an_archive_that_lies_there_is_used(tmp_path, archive, no_network, capsys):
    (tmp_path / "data").mkdir()
    archive.rename(tmp_path / "data" / archive.name)
    first = load("cifar100", tmp_path / "data")
    assert len(first.train) == 24
    assert "unpacking" in capsys.readouterr().err
    assert load("cifar100", tmp_path / "data").fingerprint == first.fingerprint
    assert not no_network
    assert "unpacking" not in capsys.readouterr().err


def test_another_archive_of_that_name_is_refused(tmp_path, archive):
    other = tmp_path / "data" / archive.name
    other.parent.mkdir()
    other.write_bytes(b"not the archive")
    with pytest.raises(BadData, match=r"cifar-100-python\.tar\.gz: md5 is \w{32}, published is \w{32}"):
        load("cifar100", other.parent, fetch=True)
    assert list(other.parent.iterdir()) == [other]


def test_nothing_but_the_published_files_leaves_an_archive(tmp_path, monkeypatch, archive):
    about, other = published.PUBLISHED["cifar100"], tmp_path / "data" / archive.name
    other.parent.mkdir()
    with tarfile.open(archive) as old, tarfile.open(other, "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        for name in ("../outside", f"{about.folder}/more"):
            new.addfile(tarfile.TarInfo(name), io.BytesIO())
    publish(monkeypatch, about._replace(archive_md5=md5_of(other)))
    load("cifar100", other.parent)
    assert sorted(each.name for each in (other.parent / about.folder).iterdir()) == ["test", "train"]
    assert not (tmp_path / "outside").exists()


def test_an_archive_without_the_files_is_refused(tmp_path, monkeypatch, archive):
    about, other = published.PUBLISHED["cifar100"], tmp_path / "data" / archive.name
    other.parent.mkdir()
    link = tarfile.TarInfo(f"{about.folder}/train")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    for members, told in (((), "cannot be unpacked"), ((link,), "is no file of at most")):
        with tarfile.open(other, "w:gz") as content:
            for member in members:
                content.addfile(member)
        publish(monkeypatch, about._replace(archive_md5=md5_of(other)))
        with pytest.raises(BadData, match=told):
            load("cifar100", other.parent)
        assert list(other.parent.iterdir()) == [other]
