"""Composition of product and backdrop: shadows, reflection, light."""

from __future__ import annotations

import numpy as np
from PIL import Image

from product_imagery.providers.local.contact import parts
from product_imagery.providers.local.frame import Placed
from product_imagery.providers.local.scenes.backdrops import BACKDROPS
from product_imagery.providers.local.scenes.stage import Light, render
from product_imagery.providers.local.shadow import cast_shadow, contact_shadow, darken, reflect


def compose_scene(placed: Placed, scene: str, seed: int) -> Image.Image:
    """Return an RGB picture of the placed product in the backdrop ``scene``; ``seed`` determines all random parts."""
    stage = BACKDROPS[scene]
    picture = render(stage, placed.size, np.random.default_rng(seed))
    light = stage.light
    standing = parts(placed.product.getchannel("A"))
    if stage.gloss:
        picture = reflect(picture, placed, standing, stage.gloss)
    horizon = 0.3 if stage.floor is None else stage.horizon
    thrown = cast_shadow(
        placed, standing, light.shadow, lean=light.lean, length=0.5, softness=light.softness, horizon=horizon
    )
    picture = darken(picture, thrown, light.shadow_colour)
    picture = darken(picture, contact_shadow(placed, standing, min(0.85, light.shadow * 1.9)), light.shadow_colour)
    picture.paste(_lit(placed.product, light), placed.box[:2], placed.product.getchannel("A"))
    return picture


def _lit(product: Image.Image, light: Light) -> Image.Image:
    """Tint the product, and darken it towards the side to which the shadow points."""
    slope = np.linspace(light.slope, -light.slope, product.width, dtype=np.float32) / 2
    gain = (1 + (slope if light.lean >= 0 else -slope))[None, :, None] * np.array(light.tint, np.float32)
    pixels = np.asarray(product.convert("RGB"), np.float32) * gain
    return Image.fromarray(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8))
