"""App configuration of the example shop."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Products with one photo, and galleries."""

    name = "example_project.shop"
    label = "shop"
