"""Admin of the shop, with the actions of product imagery."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from example_project.shop import renditions
from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.admin import EnhanceImagesMixin


@admin.register(Product)
class ProductAdmin(EnhanceImagesMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("picture", "title", "sku", "category", "price")
    list_display_links = ("picture", "title")
    list_filter = ("category",)
    search_fields = ("title", "sku")

    @admin.display(description="photo")
    def picture(self, product: Product) -> str | SafeString:
        kind, name = renditions.shown(product)
        if not name:
            return "–"
        html = '<img src="{}" alt="{}" width="56" height="56" loading="lazy" class="imagery-thumb">'
        return format_html(html, renditions.address(kind, name, 160), product.title)


class CollectionPhotoInline(admin.TabularInline):  # type: ignore[type-arg]
    model = CollectionPhoto
    extra = 0


@admin.register(Collection)
class CollectionAdmin(EnhanceImagesMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    inlines = (CollectionPhotoInline,)
