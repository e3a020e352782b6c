"""Arrays as they should not be: cases 42 to 54 of the fault catalogue."""

import io
import os
import pickle
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from images_support import refused
from numpy.lib import format as npy
from numpy.typing import NDArray
from volumes_support import SHAPE, Volumes, npy_files, read_all, values

from outofcore.loaders.readers import open_reader
from outofcore.sources import npy_files as module

pytestmark = pytest.mark.fault

WHOLE = values(*SHAPE, seed=99)


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path)


def saved(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def header(shape: Any, descr: str = "<f4") -> bytes:
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


class Trap:
    """Pickled, it would end whoever loads it."""

    def __reduce__(self) -> Any:
        return os._exit, (77,)


def test_fault_042_object_dtype(volumes: Volumes) -> None:
    trap = np.empty(SHAPE, object)
    trap[...] = Trap()
    volumes.put(saved(trap, allow_pickle=True)).refused("one of Python objects")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_fault_043_a_pickle(volumes: Volumes, protocol: int) -> None:
    volumes.put(pickle.dumps(Trap(), protocol)).refused("found a pickle")


def test_fault_044_zero_bytes(volumes: Volumes) -> None:
    volumes.put(b"").quarantined("an empty file")


@pytest.mark.parametrize("kept", [9, 60, 127, 128, 200, 128 + 4 * WHOLE.size - 1])
def test_fault_044_truncated(volumes: Volumes, kept: int) -> None:
    assert len(saved(WHOLE)) == 128 + 4 * WHOLE.size
    volumes.put(saved(WHOLE)[:kept]).quarantined("whole header" if kept < 128 else "one that is cut off")


def test_fault_045_trailing_bytes(volumes: Volumes) -> None:
    volumes.put(saved(WHOLE) + b"\0").quarantined("more after its end")
    assert volumes.put(WHOLE).run().summary["bad"] == 0  # and whole it is good


@pytest.mark.parametrize(
    "shape", [(), (120,), (4, 5), (4, 5, 6, 2), (1, 4, 5, 6), (6, 5, 4), (0, 5, 6)], ids=lambda shape: f"{shape}"
)
def test_fault_046_wrong_shape(volumes: Volumes, shape: tuple[int, ...]) -> None:
    found = "x".join(map(str, shape)) if shape else "() of a single value"
    remedy = "Declare its shape in volume.shape and volume.channels"
    volumes.put(values(*shape)).quarantined("expected an array of shape 4x5x6x1 or 4x5x6", f"found {found}. {remedy}")


def test_fault_047_fortran_order(volumes: Volumes) -> None:
    volumes.put(np.asfortranarray(WHOLE))
    assert b"'fortran_order': True" in volumes.subject.read_bytes()
    np.testing.assert_array_equal(volumes.array()[..., 0], WHOLE)


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2"])
def test_fault_048_big_endian(volumes: Volumes, dtype: str) -> None:
    np.testing.assert_array_equal(volumes.put(WHOLE.astype(dtype)).array()[..., 0], WHOLE)


def test_fault_049_float64_where_float32_is_declared(volumes: Volumes) -> None:
    exact = WHOLE.astype("float64") / 3
    array = volumes.put(exact).array()
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array[..., 0], exact.astype("float32"))
    volumes.refused("expected values that can be cast to float32 (volume.cast=no), found float64", cast="no")


def test_fault_049_a_cast_that_loses_more_is_declared_too(volumes: Volumes) -> None:
    refused(lambda: volumes.run(dtype="uint8"), "id-0.npy", "can be cast to uint8", "found float32")
    array = volumes.put(WHOLE + 0.5).array(dtype="uint8", cast="unsafe")
    np.testing.assert_array_equal(array[..., 0], WHOLE.astype("uint8"))


@pytest.mark.parametrize("dtype", ["complex64", "datetime64[s]", "timedelta64[s]", "S4", "U4", "V4", [("a", "f4")]])
def test_fault_050_structured_complex_datetime(volumes: Volumes, dtype: Any) -> None:
    volumes.put(saved(np.zeros(SHAPE, dtype))).refused("expected an array of real numbers, found one of")


def test_fault_050_a_structure_with_a_header_of_many_names(volumes: Volumes) -> None:
    many = np.dtype([(f"field_{number}", "f4") for number in range(400)])
    volumes.put(saved(np.zeros(SHAPE, many))).refused("a header of at most 4,096 bytes")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8"])
def test_fault_051_nan_or_inf_inside(volumes: Volumes, value: float, dtype: str) -> None:
    bad = WHOLE.astype(dtype)
    bad[3, 4, 5] = value
    volumes.put(bad).quarantined(f"expected finite values of float32, found {value} as value 119")


def test_fault_051_what_the_declared_dtype_cannot_hold(volumes: Volumes) -> None:
    bad = WHOLE.astype("float64")
    bad[0, 0, 1] = 1e300
    volumes.put(bad).quarantined("found 1e+300 as value 1")


@pytest.mark.parametrize("shape", [(20_000_000_000,), (2000, 2000, 5000), (10**30, 4)])
def test_fault_052_a_header_that_claims_80_gb(volumes: Volumes, shape: tuple[int, ...]) -> None:
    volumes.put(header(shape) + b"\0" * 480)
    tracemalloc.start()
    try:
        volumes.refused("found " + "x".join(map(str, shape)))
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_fault_052_one_that_agrees_with_what_was_declared(volumes: Volumes) -> None:
    """Then the file's size tells, before memory is asked for."""
    for sample in volumes.ids:
        (volumes.root / f"{sample}.npy").write_bytes(header((20_000, 1_000_000)))
    volumes.put(header((20_000, 1_000_000)))
    line = refused(lambda: volumes.run(shape=(20_000, 1_000_000)), "80,000,000,128 bytes", "cut off")
    assert str(volumes.root) in line


def test_fault_053_an_npz_named_npy(volumes: Volumes) -> None:
    stream = io.BytesIO()
    np.savez(stream, WHOLE)
    volumes.put(stream.getvalue()).refused("an archive such as .npz")


def test_other_bytes_named_npy(volumes: Volumes) -> None:
    volumes.put(b"<html>not found</html>").quarantined("found other bytes")


@pytest.mark.parametrize("dtype", ["float32", "float64"], ids=["straight", "cast"])
@pytest.mark.parametrize("workers", [0, 2])
def test_fault_054_truncated_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, workers: int
) -> None:
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", values(*SHAPE, dtype=dtype))
    source = npy_files(tmp_path, 3)
    assert read_all(source).shape == (3, *SHAPE, 1)
    real = module.opened

    def opened_and_cut(path: bytes) -> int:
        descriptor = real(path)
        if path.endswith(b"1.npy"):
            os.truncate(path, 300)
        return descriptor

    monkeypatch.setattr(module, "opened", opened_and_cut)
    reader = open_reader(source, None, workers, False, 20.0)
    try:
        refused(lambda: reader.read(np.arange(3), 0), tmp_path / "1.npy", "300: one that is cut off")
    finally:
        reader.close()


def test_fault_054_truncated_after_its_size_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "0.npy", values(*SHAPE, dtype="float64"))
    real = os.preadv

    def cut_and_read(descriptor: int, buffers: Any, offset: int) -> int:
        os.truncate(tmp_path / "0.npy", 300)
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", cut_and_read)
    refused(lambda: read_all(npy_files(tmp_path, 1)), tmp_path / "0.npy", "cut off while it was read")


def test_fault_054_a_map_would_be_the_end_of_the_process(tmp_path: Path) -> None:
    """The other way, for comparison: numpy's own map of a file that is cut off."""
    np.save(tmp_path / "0.npy", np.ones((64, 1024, 16), np.float32))
    code = (
        "import sys, os, numpy as np\n"
        "mapped = np.load(sys.argv[1], mmap_mode='r')\nos.truncate(sys.argv[1], 300)\nprint(float(mapped.sum()))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "0.npy"], capture_output=True, check=False)
    assert done.returncode == -signal.SIGBUS


def test_what_is_wrong_is_found_by_a_reader_too(tmp_path: Path) -> None:
    """A file can change after it was validated; the one before it was read in the short way."""
    cases: list[tuple[bytes | NDArray[Any], str]] = [
        (saved(WHOLE)[:-1], "cut off"),
        (saved(WHOLE) + b"\0", "more after its end"),
        (saved(WHOLE[:, :, :3]), "found 4x5x3"),
        (saved(WHOLE.astype(complex)), "complex128"),
        (b"", "an empty file"),
    ]
    np.save(tmp_path / "0.npy", WHOLE)
    for content, found in cases:
        (tmp_path / "1.npy").write_bytes(content)
        refused(lambda: read_all(npy_files(tmp_path, 2)), tmp_path / "1.npy", found)
