"""The products of the example shop, with photos and their exact mattes in ``photos`` and ``mattes``.

``example_project.tools.catalogue_renderer`` rendered both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One product. ``name`` is the stem of its photo and its matte, ``price`` a decimal number."""

    name: str
    title: str
    category: str
    price: str


CATALOGUE = (
    Entry("mug-striped", "Striped mug", "Kitchen", "14.90"),
    Entry("bottle-olive-oil", "Olive oil, 0.5 l", "Kitchen", "18.50"),
    Entry("vase-red", "Turned vase, red", "Living", "49.00"),
    Entry("football-classic", "Football, size 5", "Sport", "34.00"),
    Entry("headphones-orange", "Headphones, orange", "Electronics", "129.00"),
    Entry("book-hardcover", "Travel notes, hardcover", "Books", "24.00"),
    Entry("candle-amber", "Scented candle, amber", "Living", "22.00"),
    Entry("watch-leather", "Wrist watch, leather", "Accessories", "189.00"),
    Entry("soap-olive", "Olive soap", "Bath", "6.50"),
    Entry("building-blocks", "Building blocks", "Toys", "19.90"),
    Entry("spray-cleaner", "Glass cleaner", "Household", "4.95"),
    Entry("teapot-clay", "Clay teapot", "Kitchen", "64.00"),
    Entry("stool-teal", "Stool, teal seat", "Furniture", "89.00"),
    Entry("perfume-rose", "Eau de rose, 50 ml", "Bath", "72.00"),
    Entry("lamp-brass", "Table lamp, brass", "Living", "119.00"),
    Entry("cushion-ochre", "Knitted cushion", "Living", "39.00"),
    Entry("toy-car-red", "Tin car", "Toys", "27.50"),
    Entry("hat-bobble", "Bobble hat", "Accessories", "29.00"),
)
