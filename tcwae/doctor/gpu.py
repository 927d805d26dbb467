"""Checks of the GPU: it exists, its driver fits torch's CUDA, torch has kernels for it, and it computes."""

import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tcwae.doctor.finding import Finding

__all__ = ["Device", "Seen", "findings", "look"]

OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
"""By the major version of CUDA: https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html"""

OLDER = "build the image for an older CUDA (containers/README.md)"


@dataclass(frozen=True)
class Device:
    """A GPU that torch sees; `capability` is its compute capability, `fault` the error of a first computation on it."""

    name: str
    capability: tuple[int, int]
    free: int
    memory: int
    fault: str | None = None


@dataclass(frozen=True)
class Seen:
    """What torch, the driver and the environment report.

    `cuda` is the version that torch was built for, None for a CPU build; `kernels` its architectures, as in sm_80; `driver`
    the version of NVIDIA's kernel module; `asked` whether this SLURM job asked for a GPU, None outside of one; `contained`
    whether this is inside an image; `fault` is torch's message if it sees no GPU.
    """

    cuda: str | None
    driver: str | None
    devices: tuple[Device, ...] = ()
    kernels: tuple[str, ...] = ()
    asked: bool | None = None
    contained: bool = False
    fault: str = ""


def look() -> Seen:
    """Ask torch, the kernel module and the environment."""
    import torch

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        devices = tuple(map(_device, range(torch.cuda.device_count()))) if torch.cuda.is_available() else ()
    module = Path("/proc/driver/nvidia/version")
    version = re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", module.read_text(encoding="utf-8")) if module.exists() else None
    granted = [os.environ.get(name) for name in ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS")]
    return Seen(
        cuda=torch.version.cuda,
        driver=version[1] if version else None,
        devices=devices,
        kernels=tuple(torch.cuda.get_arch_list()),
        asked=any(granted) if "SLURM_JOB_ID" in os.environ else None,
        contained=inside_image(),
        fault=str(said[0].message).splitlines()[0] if said else "",
    )


def inside_image() -> bool:
    """Whether this process was started by Apptainer or Singularity."""
    return "APPTAINER_CONTAINER" in os.environ or "SINGULARITY_CONTAINER" in os.environ


def _device(index: int) -> Device:
    import torch

    free, memory = torch.cuda.mem_get_info(index)
    try:
        total = torch.ones(1000, device=f"cuda:{index}").sum().item()
        fault = None if total == 1000 else f"the sum of a thousand ones was {total}"
    except RuntimeError as error:
        fault = str(error).splitlines()[0]
    return Device(torch.cuda.get_device_name(index), torch.cuda.get_device_capability(index), free, memory, fault)


def findings(seen: Seen) -> Iterator[Finding]:
    """A finding for each device, or one that says why there is none."""
    if seen.devices:
        yield from (_of(device, seen) for device in seen.devices)
    else:
        yield _of_none(seen)


def _of(device: Device, seen: Seen) -> Finding:
    major, minor = device.capability
    fits = [kernel for kernel in seen.kernels if _runs(kernel, device.capability)]
    name = f"{device.name}, compute capability {major}.{minor}"
    if not fits:
        return _problem(f"{name}: expected one of {', '.join(seen.kernels)}, which this torch has kernels for; {OLDER}")
    if device.fault:
        return _problem(
            f"{name}: expected it to compute, found: {device.fault}; ask for another node and tell the operators"
        )
    memory = f"{device.free / 2**30:.0f} of {device.memory / 2**30:.0f} GB free"
    return Finding("ok", "GPU", f"{name}, {memory}, driver {seen.driver}, CUDA {seen.cuda}; it computes")


def _runs(kernel: str, capability: tuple[int, int]) -> bool:
    """A kernel runs on its own and on later minor versions of its architecture; compute_NN, recompiled, on all later."""
    kind, _, number = kernel.partition("_")
    built = divmod(int(re.sub(r"\D", "", number)), 10)
    return built <= capability if kind == "compute" else built[0] == capability[0] and built <= capability


def _of_none(seen: Seen) -> Finding:
    if seen.driver is None:
        if seen.asked:
            return _problem("this job was given a GPU, but its node has no NVIDIA driver: tell the operators")
        return _none("no NVIDIA driver on this machine")
    if seen.cuda is None:
        return _problem(f"driver {seen.driver}, but a torch for CPUs: `make env` installs that of requirements.lock")
    oldest = OLDEST_DRIVER.get(int(seen.cuda.split(".")[0]), 0)
    if int(seen.driver.split(".")[0]) < oldest:
        return _problem(f"expected driver {oldest} or later for CUDA {seen.cuda}, found {seen.driver}: {OLDER}")
    if seen.asked is False:
        return _none("this job asked for none")
    if seen.contained:
        return _problem("the image sees none: start it with --nv, in slurm/profile.v9+.yaml by apptainer-args")
    return _problem(f"driver {seen.driver}, but torch sees no device: {seen.fault or 'is CUDA_VISIBLE_DEVICES empty?'}")


def _none(why: str) -> Finding:
    return Finding("warning", "GPU", f"{why}; to ask a node: srun --partition gpu --gpus 1 tcwae doctor")


def _problem(text: str) -> Finding:
    return Finding("problem", "GPU", text)
