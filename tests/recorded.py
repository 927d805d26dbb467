"""The record of a run as `tcwae measure` writes it."""

from tcwae.config.run import flatten
from tcwae.study.gather import SCORES


def record(run, **training):
    return {
        "parts": {},
        "evaluation": {"codes": 20_000, "held_out": 2000, "seed": 0},
        "versions": {},
        "scores": {name: float(k) for k, name in enumerate(SCORES)} if not training else {},
        "seconds": 2.5,
        "training": {
            "settings": flatten(run),
            "status": "finished",
            "step": 600_000,
            "term": None,
            "finished": "2026-01-02T03:04:05+00:00",
            "seconds": 100.0,
            "images_per_second": 7.0,
            "device": "cpu",
            "threads": 1,
            "data": {"source": "rendered", "images_sha256": "abc"},
            "versions": {"tcwae": "0.1.0", "torch": "2.14.1", "commit": "abc"},
        }
        | training,
    }
