"""Memory that runs out has many names; an exception that means it is no bug."""

from __future__ import annotations

import errno

import pytest

from resformer_unet.errors import unexpected


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        OSError("libgomp.so.1: failed to map segment from shared object"),
        ImportError("libtorch_python.so: failed to map segment from shared object"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 64 bytes."),
    ],
    ids=str,
)
def test_out_of_memory_is_told_from_a_bug(error):
    assert unexpected(error).code == "OUT_OF_MEMORY"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_from_a_bug(number):
    failure = unexpected(OSError(number, "no space"))
    assert failure.code == "DISK_FULL" and "full" in failure.message and failure.hint


@pytest.mark.parametrize(
    "error", [ValueError("not enough memory"), OSError(errno.ENOENT, "no"), KeyError("x")], ids=str
)
def test_what_is_a_bug_stays_one(error):
    failure = unexpected(error)
    assert failure.code == "INTERNAL" and failure.__cause__ is error
