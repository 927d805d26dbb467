"""The factors of the published data sets, each with its number of values, in the order of the images (Table 2)."""

__all__ = ["FACTORS"]

FACTORS = {
    "dsprites": {"shape": 3, "scale": 6, "orientation": 40, "posX": 32, "posY": 32},
    "smallnorb": {"category": 5, "instance": 10, "elevation": 9, "azimuth": 18, "lighting": 6},
    "chairs3d": {"chair": 1393, "azimuth": 31, "elevation": 2},
}
