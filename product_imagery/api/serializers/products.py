"""Serializers of products and uploads."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from product_imagery.api.file_urls import file_url
from product_imagery.products import ProductPicture


class ProductPictureOut(serializers.Serializer[Any]):
    """A picture of a product: its source file and its enhanced file."""

    picture = serializers.CharField(
        source="slot", help_text="Name of the picture among several of one product; empty if there is only one."
    )
    source = serializers.CharField(source="source_name", help_text="Name of the source file.")  # type: ignore[assignment]
    enhanced = serializers.CharField(source="target_name", help_text="Name of the enhanced file.")
    source_url = serializers.SerializerMethodField()
    enhanced_url = serializers.SerializerMethodField()

    def get_source_url(self, picture: ProductPicture) -> str:
        """URL of the source file. It may expire."""
        return file_url(self.context.get("request"), self.context["description"].storage, picture.source_name)

    def get_enhanced_url(self, picture: ProductPicture) -> str:
        """URL of the enhanced file. It may expire. Empty before the first publication."""
        return file_url(self.context.get("request"), self.context["description"].target_storage, picture.target_name)


class ProductOut(serializers.Serializer[Any]):
    """A product with its pictures."""

    id = serializers.CharField(help_text="Id of the product: app.model:key.")
    name = serializers.CharField()
    images = ProductPictureOut(many=True)
