"""The shipped backdrops."""

from __future__ import annotations

from functools import partial

from product_imagery.providers.local.scenes import textures
from product_imagery.providers.local.scenes.stage import Light, Stage

_WARM = Light(lean=0.55, tint=(1.03, 1.0, 0.95), shadow=0.45, shadow_colour=(38, 24, 12))
_COOL = Light(lean=-0.45, tint=(0.98, 1.0, 1.03), shadow=0.4, shadow_colour=(14, 18, 26))
_SOFT = Light(lean=0.35, shadow=0.3, softness=2.4)

BACKDROPS: dict[str, Stage] = {
    "studio_sweep": Stage(
        "Studio sweep", wall=((0.80, 0.81, 0.82), (0.93, 0.93, 0.93)), light=_SOFT, glow=(0.5, 0.5, 0.3)
    ),
    "marble": Stage(
        "White marble",
        wall=((0.86, 0.86, 0.87), (0.94, 0.94, 0.94)),
        floor=partial(textures.marble, dark=(0.45, 0.46, 0.49), light=(0.95, 0.95, 0.95)),
        light=_COOL,
        gloss=0.3,
    ),
    "wood": Stage(
        "Oak table",
        wall=((0.80, 0.77, 0.72), (0.90, 0.87, 0.82)),
        floor=partial(textures.wood, dark=(0.36, 0.22, 0.11), light=(0.80, 0.60, 0.38)),
        light=_WARM,
        gloss=0.06,
    ),
    "linen": Stage(
        "Linen cloth",
        wall=((0.88, 0.85, 0.80), (0.95, 0.93, 0.89)),
        floor=partial(textures.linen, dark=(0.66, 0.61, 0.54), light=(0.97, 0.94, 0.89)),
        light=Light(lean=0.5, tint=(1.02, 1.0, 0.97), shadow=0.38, shadow_colour=(50, 40, 30), softness=2.0),
        horizon=0.5,
    ),
    "concrete": Stage(
        "Concrete",
        wall=((0.6, 0.6, 0.6), (0.7, 0.7, 0.7)),
        wall_texture=partial(textures.concrete, dark=(0.46, 0.46, 0.46), light=(0.76, 0.76, 0.75)),
        floor=partial(textures.concrete, dark=(0.42, 0.42, 0.43), light=(0.72, 0.72, 0.71)),
        light=_COOL,
        horizon=0.62,
        glow=(0.35, 0.3, 0.4),
    ),
    "nature_light": Stage(
        "Garden light",
        wall=((0.66, 0.72, 0.58), (0.86, 0.87, 0.76)),
        floor=partial(textures.wood, dark=(0.45, 0.38, 0.28), light=(0.86, 0.79, 0.66), planks=5),
        light=Light(lean=-0.7, tint=(1.03, 1.02, 0.94), shadow=0.42, shadow_colour=(34, 36, 18)),
        dapple=0.34,
        outdoors=True,
        glow=(0.25, 0.2, 0.45),
    ),
    "luxury_dark": Stage(
        "Black and gold",
        wall=((0.05, 0.05, 0.06), (0.16, 0.14, 0.12)),
        floor=partial(textures.marble, dark=(0.62, 0.48, 0.26), light=(0.06, 0.06, 0.07)),
        light=Light(lean=0.3, tint=(0.98, 0.95, 0.90), shadow=0.6, shadow_colour=(0, 0, 0), slope=0.18),
        glow=(0.5, 0.5, 0.75),
        gloss=0.4,
    ),
    "pastel_gradient": Stage(
        "Pastel", wall=((0.98, 0.82, 0.84), (0.99, 0.93, 0.86)), light=_SOFT, glow=(0.3, 0.3, 0.2)
    ),
    "terrazzo": Stage(
        "Terrazzo",
        wall=((0.90, 0.80, 0.74), (0.95, 0.87, 0.81)),
        floor=partial(
            textures.terrazzo,
            ground=(0.93, 0.91, 0.88),
            chips=((0.75, 0.45, 0.36), (0.35, 0.40, 0.42), (0.86, 0.74, 0.55), (0.55, 0.60, 0.55)),
        ),
        light=_WARM,
        gloss=0.14,
    ),
    "sand": Stage(
        "Sand and sky",
        wall=((0.56, 0.74, 0.88), (0.88, 0.92, 0.93)),
        floor=partial(textures.sand, dark=(0.68, 0.54, 0.37), light=(0.96, 0.86, 0.68)),
        light=Light(lean=0.8, tint=(1.04, 1.01, 0.94), shadow=0.5, shadow_colour=(60, 40, 22), softness=1.0),
        glow=(0.75, 0.2, 0.3),
        horizon=0.55,
        haze=0.2,
        hills=0.16,
        outdoors=True,
    ),
    "slate": Stage(
        "Dark slate",
        wall=((0.17, 0.19, 0.21), (0.30, 0.32, 0.34)),
        floor=partial(textures.concrete, dark=(0.10, 0.11, 0.12), light=(0.34, 0.36, 0.38)),
        light=Light(lean=-0.4, tint=(0.97, 0.98, 1.0), shadow=0.55, shadow_colour=(0, 0, 0), slope=0.15),
        glow=(0.6, 0.4, 0.6),
        gloss=0.1,
    ),
    "dusk": Stage(
        "Plaster and dusk",
        wall=((0.55, 0.36, 0.40), (0.80, 0.60, 0.58)),
        wall_texture=partial(textures.concrete, dark=(0.55, 0.35, 0.38), light=(0.84, 0.64, 0.61)),
        light=Light(lean=0.6, tint=(1.04, 0.99, 0.96), shadow=0.4, shadow_colour=(52, 20, 26)),
        glow=(0.3, 0.35, 0.5),
    ),
}
