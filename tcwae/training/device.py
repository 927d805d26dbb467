"""The machine that a training or an evaluation runs on, and how torch uses it."""

import ctypes
import os
import re
import sys
import warnings
from contextlib import suppress

import torch

from tcwae.errors import InputError

__all__ = ["select_device", "set_up"]

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Values from malloc.h."""


def select_device(name: str) -> torch.device:
    """The device of that name, tested with a sum; there is no silent fallback to another one.

    Raises:
        InputError: the device is missing or does not compute: it or its driver is too old for this torch, or another process
            holds it exclusively.
    """
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise InputError(f"--device: expected cpu, cuda, or one GPU of several as cuda:0, found {name!r}")
    with warnings.catch_warnings(record=True) as caught:  # torch's reason, for the error's one line
        warnings.simplefilter("always")
        there = not name.startswith("cuda") or torch.cuda.is_available()
    if not there:
        reason = f"{caught[0].message}; " if caught else ""
        found = f"found none (torch {torch.__version__}); {reason}`tcwae doctor` on this machine says what to do"
        raise InputError(f"--device {name}: expected a CUDA device, {found}")
    with warnings.catch_warnings():  # of a GPU too old for this torch, whose first sum fails
        warnings.simplefilter("ignore")
        try:
            right = torch.ones(2, device=name).sum().item() == 2
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"--device {name}: {reason}; `tcwae doctor` on this machine says what to do") from None
    if not right:
        raise InputError(
            f"--device {name}: expected 1 + 1 = 2, found another sum: use another GPU, and report this one to its operators"
        )
    return torch.device(name)


def set_up(threads: int, deterministic: bool = False) -> None:
    """Set the number of CPU threads, flush subnormal numbers to zero, and choose algorithms that give the same bytes each time.

    A CPU's algorithms do so anyway. Call it before torch's first tensor.
    """
    _keep_freed_memory()
    # A decoder that is sure of most pixels has gradients below 1e-38 there, which slow a CPU down (docs/speed.md). Threads take
    # this over from the one that starts them, so it comes before the first parallel operation.
    torch.set_flush_denormal(True)
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # tensors in pages of 2 MB; torch reads it at its first tensor
    torch.set_num_threads(threads)
    if torch.are_deterministic_algorithms_enabled() != deterministic:  # the call alone takes seconds
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.deterministic = deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it starts


def _keep_freed_memory() -> None:
    """Have the C library keep large freed blocks for the next step instead of giving them back to the system.

    A step frees tens of megabytes and asks for them again, and the system fills each page with zeros before: thousands of
    page faults a step, up to a tenth of its time on a CPU. Only glibc has these settings (man 3 mallopt).
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
            mallopt(M_MMAP_THRESHOLD, 2**30)
