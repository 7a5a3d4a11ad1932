"""Scenes: rendered backdrops, and composition with the product."""

from __future__ import annotations

from product_imagery.providers.local.scenes.backdrops import BACKDROPS
from product_imagery.providers.local.scenes.composition import compose_scene
from product_imagery.providers.local.scenes.poses import STAND, suggested_pose

__all__ = ["BACKDROPS", "STAND", "compose_scene", "suggested_pose"]
