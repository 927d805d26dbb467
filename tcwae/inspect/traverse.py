"""`tcwae traverse`: latents moved back and forth, as an animation for slides, or as a still picture.

Each latent has a tile. It starts from the code of an image, goes to one end of its way, to the other and back, as a sine, so
that the animation can be repeated without a jump.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8
from PIL import Image, ImageDraw, ImageFont

from tcwae.errors import InputError
from tcwae.files import atomic
from tcwae.inspect.explore.page import images
from tcwae.inspect.model import Model, load

__all__ = ["SUFFIXES", "traverse"]

SUFFIXES = (".gif", ".webp", ".mp4", ".png")
FRAMES, DURATION = 75, 40
"""Of an animation, and how long one stands, in milliseconds: three seconds in all, in steps that GIF can say."""
STEPS = 10
"""Pictures along a still's row."""
SIDE, GAP, LINE = 128, 8, 20
"""Pixels of a tile, between tiles, and of the line with a latent's name."""
ACROSS, MOST = 5, 10
"""Tiles in a row, and latents that are shown where none are asked for, those of the largest KL."""


def traverse(folder: Path, output: Path, latents: Sequence[int] = (), *, image: int = 0, reach: float = 2.0) -> None:
    """Write how an evaluated run decodes the code of an image while one latent at a time moves.

    Args:
        folder: the run's.
        output: .gif, .webp and .mp4 move; .png has a row for each latent instead.
        latents: which, from 0; none given are the ten of the largest KL(q(z_d) || p(z_d)), the largest first.
        image: which of the held-out images that the evaluation keeps, from 0.
        reach: how far a latent moves to either side; the prior's standard deviation is 1.

    Raises:
        InputError: the run is not evaluated, the model has no such latent, or the file cannot be of that kind.
        OSError: a file cannot be read or written.
    """
    if output.suffix.lower() not in SUFFIXES:
        found = output.suffix or "none"
        raise InputError(f"{output}: expected a name that ends in {', '.join(SUFFIXES)}, found {found}")
    inputs, kl = images(folder)
    if not 0 <= image < len(inputs):
        raise InputError(f"expected an image from 0 to {len(inputs) - 1}, found {image}")
    chosen = list(latents) or np.argsort(-kl, kind="stable")[:MOST].tolist()
    model = load(folder)
    for latent in chosen:
        if not 0 <= latent < model.latent_dimension:
            raise InputError(f"expected latents from 0 to {model.latent_dimension - 1}, found {latent}")
    still = output.suffix.lower() == ".png"
    moves = np.linspace(-reach, reach, STEPS) if still else reach * np.sin(2 * np.pi * np.arange(FRAMES) / FRAMES)
    pictures = _moved(model, inputs[image], chosen, moves)
    names = [f"z{latent}   {kl[latent]:.2f} nats" for latent in chosen]
    with atomic(output) as temporary:
        if still:
            _strips(pictures, names).save(temporary, format="PNG")
        else:
            _WRITERS[output.suffix.lower()](temporary, [_tiles(now, names) for now in pictures.swapaxes(0, 1)])


def _moved(
    model: Model, image: UInt8[np.ndarray, "64 64 channel"], latents: Sequence[int], moves: Float[np.ndarray, "moves"]
) -> UInt8[np.ndarray, "latents moves 64 64 3"]:
    code: Float32[np.ndarray, "1 latent"] = model.encode(image[None]).mean
    codes = np.tile(code, (len(latents), len(moves), 1))
    for row, latent in enumerate(latents):
        codes[row, :, latent] += moves
    decoded = model.decode(codes.reshape(-1, code.shape[1])).reshape(len(latents), len(moves), 64, 64, -1)
    return np.broadcast_to((255 * decoded).round().astype(np.uint8), (*decoded.shape[:-1], 3))


def _tiles(pictures: UInt8[np.ndarray, "latents 64 64 3"], names: Sequence[str]) -> Image.Image:
    """One frame: each latent's picture with its name below."""
    columns = min(ACROSS, len(pictures))
    rows = -(-len(pictures) // columns)
    size = (columns * (SIDE + GAP) + GAP, rows * (SIDE + LINE + GAP) + GAP)
    frame = Image.new("RGB", size, "white")
    for place, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        left, top = GAP + place % columns * (SIDE + GAP), GAP + place // columns * (SIDE + LINE + GAP)
        frame.paste(_enlarged(picture), (left, top))
        _write(frame, (left, top + SIDE + 2), name)
    return frame


def _strips(pictures: UInt8[np.ndarray, "latents moves 64 64 3"], names: Sequence[str]) -> Image.Image:
    """All moves of a latent beside each other, its name at the left."""
    size = (SIDE + pictures.shape[1] * (SIDE + GAP) + GAP, len(pictures) * (SIDE + GAP) + GAP)
    whole = Image.new("RGB", size, "white")
    for row, (strip, name) in enumerate(zip(pictures, names, strict=True)):
        top = GAP + row * (SIDE + GAP)
        _write(whole, (GAP, top + SIDE // 2 - LINE // 2), name)
        for column, picture in enumerate(strip):
            whole.paste(_enlarged(picture), (SIDE + column * (SIDE + GAP), top))
    return whole


def _enlarged(picture: UInt8[np.ndarray, "64 64 3"]) -> Image.Image:
    return Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def _write(whole: Image.Image, place: tuple[int, int], name: str) -> None:
    ImageDraw.Draw(whole).text(place, name, fill="black", font=ImageFont.load_default(14))


def _gif(path: Path, frames: Sequence[Image.Image]) -> None:
    _animation(path, frames, format="GIF")


def _webp(path: Path, frames: Sequence[Image.Image]) -> None:
    _animation(path, frames, format="WEBP", quality=90)


def _animation(path: Path, frames: Sequence[Image.Image], **options: object) -> None:
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=DURATION, loop=0, **options)


def _mp4(path: Path, frames: Sequence[Image.Image]) -> None:
    try:
        import av
    except ImportError:
        raise InputError("expected the package av, found none: pip install 'tcwae[video]', or write .webp") from None
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=1000 // DURATION)
        stream.width, stream.height = frames[0].size  # both even, as it must be
        stream.pix_fmt = "yuv420p"  # which every player knows
        stream.options = {"crf": "15"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())


_WRITERS = {".gif": _gif, ".webp": _webp, ".mp4": _mp4}
