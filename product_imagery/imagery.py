"""Registration of our own model with pictures, as a shop registers its products."""

from __future__ import annotations

from product_imagery.models import Upload
from product_imagery.products import ProductImages, register


@register(Upload)
class UploadedPictures(ProductImages):
    """Description of uploads: one picture each, which may not have been fetched yet."""

    source = "source"
    source_url = "source_url"
    target = "enhanced"
    name = "name"
