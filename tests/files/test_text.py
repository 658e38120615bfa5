"""Text files from outside: encodings, limits, and what is no file."""

import gzip
import io
import os
import socket

import pytest

from nasreplay.errors import BadInput, BadSetting
from nasreplay.files.text import harmless, read_text

WORDS = "Zürich, |avg_pool_3x3~0|\nsecond\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_an_encoding_is_known_by_its_mark(tmp_path, encoding):
    mark = "" if encoding in ("utf-8", "utf-8-sig", "utf-16") else "\ufeff"
    (tmp_path / "words").write_bytes((mark + WORDS).encode(encoding))
    assert read_text(tmp_path / "words") == WORDS


def test_gzip_is_unpacked_by_its_name(tmp_path):
    (tmp_path / "words.gz").write_bytes(gzip.compress(WORDS.encode()))
    assert read_text(tmp_path / "words.gz") == WORDS
    (tmp_path / "half.gz").write_bytes(gzip.compress(WORDS.encode() * 100)[:-9])
    with pytest.raises(BadInput, match=r"half\.gz: not a whole gzip file"):
        read_text(tmp_path / "half.gz")


def test_standard_input_is_a_dash(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(WORDS.encode())))
    assert read_text("-") == WORDS
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\n" * 2_000_001)))
    with pytest.raises(BadInput, match="standard input: more than 2 MB of text; NASREPLAY_TEXT_MB=N"):
        read_text("-", limit=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9", "byte 3 is not UTF-8"),
        (b"\xff\xfea", "byte 2 is not UTF-16"),
        (b"a\0b", "zero bytes"),
        (b"a\nb\r\n" + b"," * 1_000_001, "line 3: longer than 1,000,000 characters"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        read_text(tmp_path / "file")
    assert str(caught.value).startswith(str(tmp_path / "file"))


def test_the_limit_counts_what_is_unpacked_and_can_be_raised(tmp_path, monkeypatch):
    (tmp_path / "file.gz").write_bytes(gzip.compress(b"0123456789\n" * 200_000))
    with pytest.raises(
        BadInput, match=r"file\.gz: more than 2 MB of text; NASREPLAY_TEXT_MB=N raises the limit"
    ):
        read_text(tmp_path / "file.gz", limit=2)
    monkeypatch.setenv("NASREPLAY_TEXT_MB", "3")
    assert len(read_text(tmp_path / "file.gz", limit=2)) == 2_200_000
    monkeypatch.setenv("NASREPLAY_TEXT_MB", "much")
    with pytest.raises(BadSetting, match="whole number of MB"):
        read_text(tmp_path / "file.gz")


def test_what_never_ends_is_refused_before_it_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # nobody writes: opening it would wait for ever
    with socket.socket(socket.AF_UNIX) as own, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)  # the path of a socket is short
        own.bind("socket")
        (tmp_path / "link").symlink_to(tmp_path / "pipe")
        kernels = [name for name in ("/proc/kmsg", "/proc/self/status") if os.path.exists(name)]
        for name in ("pipe", "socket", "link", "/dev/zero", *kernels):
            with pytest.raises(BadInput, match="a pipe, a device or a socket, not a file"):
                read_text(name)


def test_what_is_not_there_is_said_in_the_error_of_the_caller(tmp_path):
    for name, message in (("none", "No such file"), ("", "a folder"), ("\0", "cannot be read")):
        with pytest.raises(BadSetting, match=message):
            read_text(tmp_path / name, error=BadSetting)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CIFAR-10, 50 000 Bilder – für alle", "CIFAR-10, 50 000 Bilder – für alle"),
        ("50\u00a0000", "50 000"),
        ("\x1b]0;owned\x07ok", r"\x1b]0;owned\x07ok"),
        ("ok\rerror:", r"ok\rerror:"),
        ("a\nb\u2028c\u202ed\u200be\ud800", r"a\nb\u2028c\u202ed\u200be\ud800"),
        ("a" * 201, "a" * 199 + "…"),
    ],
)
def test_what_is_shown_steers_no_terminal(text, shown):
    assert harmless(text) == shown
