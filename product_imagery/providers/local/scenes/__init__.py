"""Scenes: a rendered backdrop with the product standing in it."""

from __future__ import annotations

from product_imagery.providers.local.scenes.backdrops import BACKDROPS
from product_imagery.providers.local.scenes.composition import compose_scene

__all__ = ["BACKDROPS", "compose_scene"]
