"""Composition of product and backdrop: shadows, reflection, light."""

from __future__ import annotations

import numpy as np
from PIL import Image

from product_imagery.providers.local.contact import parts
from product_imagery.providers.local.frame import Placed
from product_imagery.providers.local.scenes.backdrops import BACKDROPS
from product_imagery.providers.local.scenes.poses import LIE, STAND
from product_imagery.providers.local.scenes.stage import Light, Stage, render
from product_imagery.providers.local.shadow import cast_shadow, contact_shadow, darken, drop_shadow, reflect

_FOOTED = (0.5, 1.9, 0.85)  #: length of the shadow of a standing product; strength of its contact, and at most
_LYING = ((0.012, 0.010, 0.9), (0.035, 0.03, 0.8))  #: shadows around: distance, blur, share of the strength
_HANGING = ((0.02, 0.012, 0.5), (0.07, 0.03, 1.0))


def compose_scene(
    placed: Placed, scene: str, seed: int, *, pose: str = STAND, keep_colours: bool = True
) -> Image.Image:
    """Return an RGB picture of the placed product in the backdrop ``scene``; ``seed`` determines all random parts.

    Without ``keep_colours`` the light of the scene tints and shades the product.
    """
    stage = BACKDROPS[scene]
    picture = render(stage, placed.size, np.random.default_rng(seed), pose)
    picture = _standing(picture, placed, stage) if pose == STAND else _before_a_surface(picture, placed, stage, pose)
    product = placed.product if keep_colours else _lit(placed.product, stage.light)
    picture.paste(product, placed.box[:2], placed.product.getchannel("A"))
    return picture


def _standing(picture: Image.Image, placed: Placed, stage: Stage) -> Image.Image:
    """Return the picture with the product's reflection and shadows on the floor."""
    light, (length, gain, most) = stage.light, _FOOTED
    standing = parts(placed.product.getchannel("A"))
    if stage.gloss:
        picture = reflect(picture, placed, standing, stage.gloss)
    horizon = 0.3 if stage.floor is None else stage.horizon
    thrown = cast_shadow(
        placed, standing, light.shadow, lean=light.lean, length=length, softness=light.softness, horizon=horizon
    )
    picture = darken(picture, thrown, light.shadow_colour)
    return darken(picture, contact_shadow(placed, standing, min(most, light.shadow * gain)), light.shadow_colour)


def _before_a_surface(picture: Image.Image, placed: Placed, stage: Stage, pose: str) -> Image.Image:
    """Return the picture with the product's shadow on the surface on which it lies, or before which it hangs."""
    light = stage.light
    for distance, blur, share in _LYING if pose == LIE else _HANGING:
        shadow = drop_shadow(placed, light.shadow * share, shift=(light.lean * distance, distance), blur=blur)
        picture = darken(picture, shadow, light.shadow_colour)
    return picture


def _lit(product: Image.Image, light: Light) -> Image.Image:
    """Tint the product, and darken it towards the side to which the shadow points."""
    slope = np.linspace(light.slope, -light.slope, product.width, dtype=np.float32) / 2
    gain = (1 + (slope if light.lean >= 0 else -slope))[None, :, None] * np.array(light.tint, np.float32)
    pixels = np.asarray(product.convert("RGB"), np.float32) * gain
    return Image.fromarray(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8))
