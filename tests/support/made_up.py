"""Small made-up files in the layouts of the published data sets."""

import hashlib
import pickle
import pickletools
from pathlib import Path

import numpy as np
from PIL import Image

from nasreplay.data.cards.base import ImageFiles
from nasreplay.train.images import published_files as published
from nasreplay.train.images.image_sources import ImageSource
from nasreplay.train.images.streamed import StreamedSource


def python2_pickle(images: np.ndarray, key: str, labels: list[int]) -> bytes:
    """As Python 2 wrote them: protocol 2, arrays as byte strings, module numpy.core.multiarray."""

    def text(content: bytes) -> bytes:
        return b"T" + len(content).to_bytes(4, "little") + content

    def number(value: int) -> bytes:
        return b"J" + value.to_bytes(4, "little")

    array = b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R",
            b"(K\x01" + number(images.shape[0]) + number(images.shape[1]) + b"\x86",
            b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x89" + text(images.tobytes()) + b"tb",
        ]
    )
    listed = b"](" + b"".join(number(label) for label in labels) + b"e"
    content = b"\x80\x02}(" + text(b"data") + array + text(key.encode()) + listed + b"u."
    pickletools.dis(content, out=open("/dev/null", "w"))  # noqa: SIM115
    return content


def published_files(
    root: Path, about: ImageFiles, monkeypatch, count: int = 24, writer: str = "python2"
) -> ImageFiles:
    """Write the files under root and make their checksums the published ones. Image i of a file is filled with i."""
    folder = root / about.folder
    folder.mkdir(parents=True)
    sums: dict[str, str] = {}
    for name in (*about.train, *about.test):
        images = np.repeat(np.arange(count, dtype=np.uint8)[:, None], 3 * about.side**2, axis=1)
        labels = [(7 * i) % (about.classes + 30) + 1 for i in range(count)]
        if about.side == 32:
            labels = [label % about.classes for label in labels]
        content = python2_pickle(images, about.labels, labels)
        if writer != "python2":
            content = pickle.dumps({"data": images, about.labels: labels}, protocol=int(writer))
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    made = about._replace(train={n: sums[n] for n in about.train}, test={n: sums[n] for n in about.test})
    for key, value in published.PUBLISHED.items():
        if value is about:
            monkeypatch.setitem(published.PUBLISHED, key, made)
    return made


def image_folder(
    root: Path, parts: dict[str, int], classes=("ant", "bee", "cow"), side: int = 8, ending="png"
):
    """part → images per class; every pixel of an image tells its part, class and number."""
    for place, (part, count) in enumerate(parts.items()):
        for label, name in enumerate(classes):
            folder = root / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = np.full((side, side, 3), (50 * place, 80 * label, 10 * i), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i:03d}.{ending}")
    return root


def counts(source: ImageSource | StreamedSource) -> list[int | None]:
    """Images of the training, validation and test part."""
    return [
        None if part is None else len(part) for part in (source.train, source.given_valid, source.all_test)
    ]
