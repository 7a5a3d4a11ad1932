"""Products of the shop, and uploads."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from product_imagery.api.file_urls import file_url
from product_imagery.products import ProductPicture


class ProductPictureOut(serializers.Serializer[Any]):
    """One picture of a product: its source file and its enhanced file."""

    picture = serializers.CharField(
        source="slot", help_text="distinguishes several pictures of one product; empty if there is only one"
    )
    source = serializers.CharField(source="source_name")  # type: ignore[assignment]
    enhanced = serializers.CharField(source="target_name")
    source_url = serializers.SerializerMethodField()
    enhanced_url = serializers.SerializerMethodField()

    def get_source_url(self, picture: ProductPicture) -> str:
        """Return the URL, signed if the storage signs."""
        return file_url(self.context.get("request"), self.context["description"].storage, picture.source_name)

    def get_enhanced_url(self, picture: ProductPicture) -> str:
        """Return the URL, signed if the storage signs; empty before the first publication."""
        return file_url(self.context.get("request"), self.context["description"].target_storage, picture.target_name)


class ProductOut(serializers.Serializer[Any]):
    """A product and its pictures."""

    id = serializers.CharField(help_text="app.model:key")
    name = serializers.CharField()
    images = ProductPictureOut(many=True)
