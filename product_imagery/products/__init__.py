"""Product image descriptions: where the pictures of a shop's models are read and written.

@register(Product)
class ProductPhotos(ProductImages):
    source = "photo"
    target = "enhanced_photo"

Each shape of a shop's pictures has its own module; ``docs/registration.md`` shows them all.
"""

from __future__ import annotations

from product_imagery.products.fields import ProductImages
from product_imagery.products.galleries import GalleryImages
from product_imagery.products.pictures import ProductPicture
from product_imagery.products.registry import description_for, description_of, register, registered, unregister

__all__ = [
    "GalleryImages",
    "ProductImages",
    "ProductPicture",
    "description_for",
    "description_of",
    "register",
    "registered",
    "unregister",
]
