"""Colour, noise and a picture in and behind sprites: what each paints, and that keys alone decide what is random."""

import numpy as np
import pytest
import torch

from tcwae.data.painting import painted, random_words
from tcwae.data.rendered import backdrop

SPRITES = torch.from_numpy((np.random.default_rng(3).random((200, 64, 64)) < 0.3).astype(np.uint8) * np.uint8(255))
KEYS = torch.from_numpy(np.random.default_rng(4).integers(2**62, size=200))
PICTURE = torch.from_numpy(backdrop.draw())
INSIDE = SPRITES == 255


def paint(painting, sprites=SPRITES, keys=KEYS):
    return painted(painting, sprites, keys, PICTURE if painting == "scream" else None)


def test_a_colored_sprite_has_one_colour_on_black():
    images = paint("color")
    assert not images[~INSIDE].any()
    colours = torch.stack([image[inside][0] for image, inside in zip(images, INSIDE, strict=True)])
    torch.testing.assert_close(images, torch.where(INSIDE[..., None], colours[:, None, None], 0))
    assert colours.min() >= 128
    assert colours.max() == 255
    means = colours.double().mean(0)  # uniform over 128 ... 255
    torch.testing.assert_close(means, torch.full((3,), 191.5).double(), atol=4 * 37 / 200**0.5, rtol=0)
    assert len(colours.unique(dim=0)) == 200


def test_noise_is_uniform_and_independent_around_a_white_sprite():
    images = paint("noisy")
    assert (images[INSIDE] == 255).all()
    noise = images[~INSIDE].flatten().numpy()
    expected = noise.size / 256
    chi_square = ((np.bincount(noise, minlength=256) - expected) ** 2 / expected).sum()
    assert abs(chi_square - 255) < 5 * np.sqrt(2 * 255)
    whole = paint("noisy", torch.zeros_like(SPRITES)).double().flatten(1) - 127.5
    for one, other in ((whole[:, :-1], whole[:, 1:]), (whole[:, :-3], whole[:, 3:]), (whole[:-1], whole[1:])):
        correlation = (one * other).mean() / whole.square().mean()
        assert abs(correlation) < 5 / one.numel() ** 0.5


def test_a_crop_of_the_picture_is_tinted_and_the_sprite_inverts_it():
    plain, sprites = paint("scream", torch.zeros_like(SPRITES)), paint("scream")
    torch.testing.assert_close(sprites, torch.where(INSIDE[..., None], 255 - plain, plain))
    words = random_words(KEYS, 3)
    for k in range(20):
        row, column = int(words[k, 0]) % (350 - 63), int(words[k, 1]) % (274 - 63)
        crop = PICTURE[row : row + 64, column : column + 64].int()
        tint = 2 * plain[k].int() - crop  # or one less, where half a level was dropped
        low, high = tint.amax(dim=(0, 1)), tint.amin(dim=(0, 1)) + 1
        assert (low <= high).all()
        assert (low >= 0).all()


def test_every_crop_of_a_small_picture_comes_up():
    picture = torch.arange(66 * 65 * 3).reshape(66, 65, 3).remainder(251).byte()
    keys = torch.arange(400)
    words = random_words(keys, 3)
    crops = {(int(r) % 3, int(c) % 2) for r, c, _ in words}
    assert len(crops) == 6
    assert painted("scream", SPRITES[:1].expand(400, 64, 64), keys, picture).shape == (400, 64, 64, 3)


@pytest.mark.parametrize("painting", ["color", "noisy", "scream"])
def test_an_image_depends_on_its_key_and_sprite_alone(painting):
    images, order = paint(painting), torch.randperm(200, generator=torch.Generator().manual_seed(0))[:50]
    torch.testing.assert_close(paint(painting, SPRITES[order], KEYS[order]), images[order])
    for device in ["cpu"] + ["cuda"] * torch.cuda.is_available():
        picture = PICTURE.to(device) if painting == "scream" else None
        torch.testing.assert_close(painted(painting, SPRITES.to(device), KEYS.to(device), picture).cpu(), images)
    changed = paint(painting, keys=KEYS + 1) != images
    assert changed.flatten(1).any(1).all()


def slow_words(key, count):
    def mixed(word):
        word = ((word ^ (word >> 16)) * 0x7FEB352D) % 2**32
        word = ((word ^ (word >> 15)) * 0x846CA68B) % 2**32
        return word ^ (word >> 16)

    own = mixed(key % 2**32 ^ mixed((key >> 32) + 1))
    return [mixed(own ^ mixed(place)) for place in range(1, count + 1)]


def test_the_hash_is_that_of_unsigned_integers():
    for key, found in zip(KEYS[:50].tolist(), random_words(KEYS[:50], 40), strict=True):
        assert [word % 2**32 for word in found.tolist()] == slow_words(key, 40)


def test_each_bit_of_a_key_turns_half_of_the_bits():
    keys = torch.arange(2000) * 368
    before = random_words(keys, 4)
    for bit in range(62):
        turned = (random_words(keys ^ (1 << bit), 4) ^ before).numpy().view(np.uint32)
        assert np.bitwise_count(turned).mean() == pytest.approx(16, abs=0.2)
