"""The published data sets: name, size and factors, without opening a file.

Configuration, readers, reports and the estimate of disk space read it from here. It imports nothing heavy.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PUBLISHED", "PublishedSet"]


@dataclass(frozen=True)
class PublishedSet:
    """A data set of 64 x 64 images.

    `factors` maps each factor to its number of classes, the slowest first: images are stored in C order of this grid.
    `unscored` maps the factors that no score uses to the reason. A set without factors states its number of `images`.
    `rendered` says whether tcwae can draw the set, so that nothing has to be downloaded.
    """

    label: str
    image_bytes: int
    factors: Mapping[str, int] = field(default_factory=dict)
    unscored: Mapping[str, str] = field(default_factory=dict)
    images: int = 0
    rendered: bool = False

    def __post_init__(self) -> None:
        if self.factors:
            object.__setattr__(self, "images", math.prod(self.factors.values()))

    @property
    def factor_names(self) -> tuple[str, ...]:
        """The names of the factors, the slowest first."""
        return tuple(self.factors)

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """The number of classes of each factor."""
        return tuple(self.factors.values())

    @property
    def latent_factor_indices(self) -> tuple[int, ...]:
        """The factors that scores use, by position."""
        return tuple(k for k, name in enumerate(self.factors) if name not in self.unscored)


_GREY, _COLOUR, _ONE_BIT = 64 * 64, 64 * 64 * 3, 64 * 8
_MPI3D = {
    "object_color": 6,
    "object_shape": 6,
    "object_size": 2,
    "camera_height": 3,
    "background_color": 3,
    "horizontal_axis": 40,
    "vertical_axis": 40,
}
_CHAIRS = {"chair": 1393, "azimuth": 31, "elevation": 2}
_SPRITES = {"shape": 3, "scale": 6, "orientation": 40, "posX": 32, "posY": 32}

PUBLISHED: dict[str, PublishedSet] = {
    "dsprites": PublishedSet("dSprites", _ONE_BIT, _SPRITES, rendered=True),
    "smallnorb": PublishedSet(
        "smallNORB",
        _GREY,
        {"category": 5, "instance": 10, "elevation": 9, "azimuth": 18, "lighting": 6},
        unscored={"instance": "a nuisance, not scored"},
        rendered=True,
    ),
    "chairs3d": PublishedSet("3Dchairs", _COLOUR, _CHAIRS, dict.fromkeys(_CHAIRS, "not scored"), rendered=True),
    "celeba": PublishedSet("CelebA", _COLOUR, images=202_599, rendered=True),
    "shapes3d": PublishedSet(
        "Shapes3D",
        _COLOUR,
        {"floor_hue": 10, "wall_hue": 10, "object_hue": 10, "scale": 8, "shape": 4, "orientation": 15},
        rendered=True,
    ),
    "mpi3d_toy": PublishedSet("MPI3D-toy", _COLOUR, _MPI3D, rendered=True),
    "mpi3d_realistic": PublishedSet("MPI3D-realistic", _COLOUR, _MPI3D),
    "mpi3d_real": PublishedSet("MPI3D-real", _COLOUR, _MPI3D),
    "cars3d": PublishedSet("Cars3D", _COLOUR, {"elevation": 4, "azimuth": 24, "object_type": 183}),
    "mini_dsprites": PublishedSet(
        "Mini-dSprites", _ONE_BIT, {"shape": 3, "scale": 4, "posX": 16, "posY": 8}, rendered=True
    ),
    "mini_smallnorb": PublishedSet(
        "Mini-smallNORB", _GREY, {"category": 5, "elevation": 9, "azimuth": 18}, rendered=True
    ),
    "mini_chairs3d": PublishedSet(
        "Mini-3Dchairs", _COLOUR, _CHAIRS | {"chair": 16}, dict.fromkeys(_CHAIRS, "not scored"), rendered=True
    ),
    "color_dsprites": PublishedSet("Color-dSprites", _ONE_BIT, _SPRITES, rendered=True),
    "noisy_dsprites": PublishedSet("Noisy-dSprites", _ONE_BIT, _SPRITES, rendered=True),
    "scream_dsprites": PublishedSet("Scream-dSprites", _ONE_BIT, _SPRITES, rendered=True),
}
"""All of them, by the name that `tcwae prepare` and a study use."""
