"""Examples of looks, and labels of products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.templatetags.static import static

from product_imagery.products import ProductImages
from product_imagery.rows import read_rows

#: operations without options that show in a picture: the name of their example
_EXAMPLES = {
    "white_background": "white",
    "remove_background": "cut-out",
    "scene": "scene-studio_sweep",
    "upscale": "larger",
    "expand": "portrait",
}
SCENES = {
    *("studio_sweep", "marble", "wood", "linen", "concrete", "nature_light", "luxury_dark", "pastel_gradient"),
    *("terrazzo", "sand", "slate", "dusk"),
}


def example_url(operation: str, options: Mapping[str, Any]) -> str:
    """Return the address of a picture that shows what a look does, or a neutral one."""
    return static(f"product_imagery/looks/{example_of(operation, options)}")


def example_of(operation: str, options: Mapping[str, Any]) -> str:
    """Return the file name of the shipped example of a look."""
    if operation == "white_background" and options.get("shadow"):
        return "white-shadow.webp"
    if operation == "scene" and options.get("scene") in SCENES:
        return f"scene-{options['scene']}.webp"
    return f"{_EXAMPLES[operation]}.webp" if operation in _EXAMPLES else "neutral.svg"


def labels_of(description: ProductImages, rows: QuerySet[Any], keys: Sequence[Any]) -> dict[Any, str]:
    """Return the labels of products by primary key; the key itself where the shop's own code raises."""
    labels = read_rows(rows, keys, description.label)
    return {pk: str(pk) if label is None else label for pk, label in labels.items()}
