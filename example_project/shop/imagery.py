"""Product image descriptions of this shop."""

from __future__ import annotations

from example_project.shop.models import Collection, Product
from product_imagery.products import GalleryImages, ProductImages, register


@register(Product)
class ProductPhotos(ProductImages):
    source = "photo"
    target = "enhanced_photo"
    name = "title"
    category = "category"


@register(Collection)
class CollectionPhotos(GalleryImages):
    pictures = "photos"
    field = "image"
    order = "position"
    cover = "is_cover"
    name = "title"
