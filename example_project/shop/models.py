"""Models of the shop. They do not depend on product imagery."""

from __future__ import annotations

from django.db import models
from django.urls import reverse


class Product(models.Model):
    """A product with one photo and a field for an enhanced one."""

    title = models.CharField(max_length=120)
    sku = models.CharField("SKU", max_length=40, unique=True)
    category = models.CharField(max_length=60, blank=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    photo = models.ImageField(upload_to="products/photos", blank=True)
    enhanced_photo = models.ImageField(upload_to="products/enhanced", blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("title",)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the address of the page that customers see."""
        return reverse("product", args=[self.pk])


class Collection(models.Model):
    """A themed page with a gallery."""

    title = models.CharField(max_length=120)

    class Meta:
        ordering = ("title",)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the address of the page that customers see."""
        return reverse("collection", args=[self.pk])


class CollectionPhoto(models.Model):
    """One picture of a collection."""

    collection = models.ForeignKey(Collection, models.CASCADE, related_name="photos")
    image = models.ImageField(upload_to="collections", width_field="width", height_field="height")
    width = models.PositiveIntegerField(null=True, editable=False)
    height = models.PositiveIntegerField(null=True, editable=False)
    position = models.PositiveSmallIntegerField(default=0)
    is_cover = models.BooleanField(default=False)

    class Meta:
        ordering = ("position",)

    def __str__(self) -> str:
        return f"{self.collection} {self.position}"
