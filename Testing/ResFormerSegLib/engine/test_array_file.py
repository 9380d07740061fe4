"""Arrays through files, a piece at a time: as numpy writes and reads them."""

import zlib

import numpy as np
import pytest
from vtk.util.numpy_support import vtk_to_numpy


def resultOf(generator):
    """What a generator returns, after all its steps."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">i2", "float32", "float64"])
def test_numpy_reads_what_was_written(module, tmp_path, monkeypatch, dtype):
    from ResFormerSegLib.engine import array_file

    monkeypatch.setattr(array_file, "PIECE", 100)
    array = np.arange(3 * 8 * 10).astype(dtype).reshape(3, 8, 10)
    for given in (array, array[:, ::-1]):
        steps = list(array_file.writeArray(tmp_path / "a.npy", given))
        np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), given)
        assert len(steps) > given.nbytes / 100
    assert np.load(tmp_path / "a.npy").dtype == np.dtype(dtype)


def test_the_checksum_is_that_of_the_bytes_whether_they_are_written_or_only_read(module, tmp_path, monkeypatch):
    from ResFormerSegLib.engine import array_file

    monkeypatch.setattr(array_file, "PIECE", 100)
    array = np.arange(3 * 8 * 10, dtype=np.int16).reshape(3, 8, 10)
    expected = f"{zlib.crc32(array.tobytes()):08x}"
    assert resultOf(array_file.writeArray(tmp_path / "a.npy", array)) == expected
    assert resultOf(array_file.checksumOf(array)) == expected
    array[2, 7, 9] += 1
    assert resultOf(array_file.checksumOf(array)) != expected


def test_layers_that_are_made_one_after_the_other_become_one_array(module, tmp_path):
    from ResFormerSegLib.engine.array_file import writeLayers

    layers = [np.full((2, 3, 4), value, np.uint8) for value in (1, 2, 3)]
    resultOf(writeLayers(tmp_path / "a.npy", 3, iter(layers)))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), layers)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 4, 5), (0, 3, 4, 5)])
def test_what_numpy_wrote_is_read_layer_by_layer(module, tmp_path, monkeypatch, shape):
    from ResFormerSegLib.engine import array_file

    monkeypatch.setattr(array_file, "PIECE", 7)
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.save(tmp_path / "a.npy", array)
    layers = resultOf(array_file.readArrays(str(tmp_path / "a.npy"), "float32", (3, 4, 5)))
    expected = array.reshape(-1, 3, 4, 5)
    assert len(layers) == len(expected)
    for layer, voxels in zip(layers, expected, strict=True):
        np.testing.assert_array_equal(vtk_to_numpy(layer).reshape(3, 4, 5), voxels)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: np.save(path, np.zeros((1, 3, 4, 6), np.uint8)),
        lambda path: np.save(path, np.zeros((1, 3, 4, 5), np.int8)),
        lambda path: np.save(path, np.asfortranarray(np.zeros((2, 3, 4, 5), np.uint8))),
        lambda path: np.save(path, np.array([{}], object), allow_pickle=True),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b"not an array"),
        lambda path: path.unlink(),
    ],
)
def test_a_file_that_does_not_fit_is_refused(module, tmp_path, spoil):
    from ResFormerSegLib.engine.array_file import readArrays

    path = tmp_path / "a.npy"
    np.save(path, np.zeros((1, 3, 4, 5), np.uint8))
    spoil(path)
    with pytest.raises((OSError, ValueError)):
        resultOf(readArrays(str(path), "uint8", (3, 4, 5)))
