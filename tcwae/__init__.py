"""TCWAE: disentangled representations with the total-correlation Wasserstein autoencoder.

`tcwae.load(path)` gives a trained model (`tcwae.Model`): `encode`, `decode`, `traverse`, and its configuration. What cannot be
right is a `tcwae.InputError`, a ValueError whose one line says what was expected and found. PyTorch is imported with the first
use of `load`, not with `tcwae`.
"""

from typing import TYPE_CHECKING, Any

from tcwae.errors import InputError

if TYPE_CHECKING:
    from tcwae.inspect.model import Model, load

__all__ = ["InputError", "Model", "__version__", "load"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in ("Model", "load"):
        from tcwae.inspect import model

        return getattr(model, name)
    raise AttributeError(f"module 'tcwae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
