"""Scenes: rendered backdrops, and composition with the product."""

from __future__ import annotations

from product_imagery.providers.local.scenes.backdrops import BACKDROPS
from product_imagery.providers.local.scenes.composition import compose_scene

__all__ = ["BACKDROPS", "compose_scene"]
