"""Products for the shop, from the rendered catalogue or from photos of your own."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from django.core.files import File

from example_project import catalogue
from example_project.catalogue import CATALOGUE
from example_project.shop.models import Collection, CollectionPhoto, Product

_PHOTOS = Path(catalogue.__file__).parent / "photos"
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".heic", ".gif", ".svg", ".bmp"}


def stock_catalogue() -> list[Product]:
    """Create the products of the rendered catalogue and one gallery, where missing. Return the products."""
    products = []
    for number, photo in enumerate(CATALOGUE, start=1):
        product, made = Product.objects.get_or_create(
            sku=f"EX-{number:03}",
            defaults={"title": photo.title, "category": photo.category, "price": Decimal(photo.price)},
        )
        if made or not product.photo:
            _attach(product, _PHOTOS / f"{photo.name}.jpg")
        products.append(product)
    stock_gallery()
    return products


def stock_gallery() -> None:
    """Create a gallery of three photos, where missing."""
    gallery, made = Collection.objects.get_or_create(title="Kitchen favourites")
    if made:
        for position, name in enumerate(("mug-striped", "teapot-clay", "bottle-olive-oil")):
            row = CollectionPhoto(collection=gallery, position=position, is_cover=not position)
            with (_PHOTOS / f"{name}.jpg").open("rb") as handle:
                row.image.save(f"{name}.jpg", File(handle))


def stock_folder(folder: Path) -> list[Product]:
    """Create and return a product for each picture file directly in ``folder``. The files are not opened."""
    products = []
    for path in sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in _SUFFIXES):
        title = path.stem.replace("-", " ").replace("_", " ").capitalize()[:120]
        product, _ = Product.objects.get_or_create(
            sku=f"OWN-{path.name}"[:40], defaults={"title": title, "category": "Own photos", "price": Decimal(0)}
        )
        _attach(product, path)
        products.append(product)
    return products


def _attach(product: Product, path: Path) -> None:
    with path.open("rb") as handle:
        product.photo.save(path.name, File(handle))
