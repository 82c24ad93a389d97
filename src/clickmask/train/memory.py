"""Memory behaviour of the process on Linux."""

from __future__ import annotations

import ctypes
import os
import platform

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Parameter numbers of glibc's mallopt."""


def keep_freed_memory() -> None:
    """Let the C library keep freed memory instead of giving it back to the system after every tensor.

    A training step frees and takes gigabytes; the page faults cost a fifth of its time on a CPU (measured
    with glibc 2.36). Other C libraries are left alone.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    libc.mallopt(_TOP_PAD, 2**29)


def cache_bytes() -> int:
    """Memory for decoded photographs: a quarter of the machine's, between 256 MB and 4 GB."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 4 << 30
    return min(max(physical // 4, 256 << 20), 4 << 30)
