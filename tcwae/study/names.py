"""How data sets, methods, settings and scores are called wherever a person reads them."""

from collections.abc import Iterable
from dataclasses import dataclass

from tcwae.config.study import TUNED, Row

__all__ = [
    "COSTS",
    "DATASETS",
    "METHODS",
    "NO_BREAK",
    "SCORES",
    "SYMBOLS",
    "TUNED",
    "Score",
    "called",
    "coefficients",
    "count",
    "dataset",
    "minus",
    "parts",
    "setting",
]

DATASETS = {
    "dsprites": "dSprites",
    "smallnorb": "smallNORB",
    "chairs3d": "3Dchairs",
    "celeba": "CelebA",
    "shapes3d": "Shapes3D",
    "mpi3d_toy": "MPI3D-toy",
    "color_dsprites": "Color-dSprites",
    "noisy_dsprites": "Noisy-dSprites",
    "scream_dsprites": "Scream-dSprites",
}
COSTS = {"cross_entropy": "cross-entropy", "l1": "L₁", "l2_squared": "L₂²"}
METHODS = {
    "wae_mmd": "WAE-MMD",
    "tcwae_mws": "TCWAE-MWS",
    "tcwae_gan": "TCWAE-GAN",
    "beta_tcvae": "β-TCVAE",
    "factor_vae": "FactorVAE",
    "beta_vae": "β-VAE",
}
"""In the order in which the paper lists them (Table 1)."""

NO_BREAK = "\N{NO-BREAK SPACE}"
SYMBOLS = {"alpha": "α", "beta": "β", "gamma": "γ", "lambda": "λ"}  # noqa: RUF001
OPTIONS = {"sigma_penalty": "σ penalty", "mws_kernel": "kernel"}  # noqa: RUF001
"""What is not called by its key with blanks."""


@dataclass(frozen=True)
class Score:
    """A score's name, its decimals in tables, and which end of it is the better one."""

    name: str
    decimals: int
    higher_is_better: bool

    @property
    def arrow(self) -> str:
        """Where better is: up or down."""
        return "↑" if self.higher_is_better else "↓"

    def text(self, value: float) -> str:
        """A value with the score's decimals and a true minus sign."""
        return minus(f"{value:z.{self.decimals}f}")

    def best(self, values: Iterable[float]) -> float:
        """The best of the values that are not NaN; NaN if there is none."""
        known = [value for value in values if value == value]
        return (max if self.higher_is_better else min)(known, default=float("nan"))


SCORES = {
    "log_reconstruction": Score("log-reconstruction", 2, False),
    "mig": Score("MIG", 3, True),
    "factor_vae": Score("FactorVAE", 3, True),
    "sap": Score("SAP", 3, True),
}


def minus(text: str) -> str:
    """A number's hyphen as the minus sign."""
    return text.replace("-", "−")  # noqa: RUF001


def coefficients(setting: str) -> dict[str, str]:
    """The parts of a setting: "beta=4,gamma=1" is {"beta": "4", "gamma": "1"}."""
    return dict(part.split("=", 1) for part in setting.split(",") if "=" in part)


def parts(text: str) -> tuple[str, str]:
    """A setting's coefficients, and what else is unusual in it: ("beta=4,gamma=1", "batch_size=64")."""
    own = [part for part in text.split(",") if part]
    return tuple(
        ",".join(part for part in own if (part.split("=")[0] in SYMBOLS) == wanted) for wanted in (True, False)
    )


def setting(text: str) -> str:
    """A setting for readers: "beta=4,gamma=1" is "β = 4, γ = 1", its parts not to be broken across lines."""
    parts = [f"{(SYMBOLS | OPTIONS).get(key, key)} = {value}" for key, value in coefficients(text).items()]
    return ", ".join(part.replace("_", " ").replace(" ", NO_BREAK) for part in parts)


def dataset(name: str, source: str) -> str:
    """A data set with the source of its images: "dSprites, rendered"."""
    return f"{DATASETS.get(name, name)}, {source}"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 run", "2,000 iterations"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def called(row: Row, usual: str) -> str:
    """A row of an experiment: by its own name, else by its method, and its cost where it is not the `usual` one."""
    unusual = row.cost is not None and row.cost != usual
    return row.name or METHODS[row.method] + (f" ({COSTS[row.cost]})" if unusual else "")
