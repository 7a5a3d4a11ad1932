"""Template tag of the storefront: a picture in the widths that browsers choose from."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from example_project.shop import renditions
from example_project.shop.models import CollectionPhoto, Product

register = template.Library()


@register.simple_tag
def picture(subject: Product | CollectionPhoto, sizes: str, alt: str, eager: bool = False) -> SafeString | str:
    """Return the ``<img>`` of a product or of a picture of a gallery, or nothing without a picture."""
    kind, name = renditions.shown(subject) if isinstance(subject, Product) else ("gallery", str(subject.image.name))
    if not name:
        return ""
    facts: dict[str, Any] = {"sources": renditions.sources(kind, name), "src": renditions.address(kind, name, 640)}
    mark = {"enhanced": "data-enhanced", "photo": "data-original"}.get(kind, "data-gallery")
    loading = "eager" if eager else "lazy"
    html = '<img src="{src}" srcset="{sources}" sizes="{sizes}" alt="{alt}" loading="{loading}" {mark}>'
    return format_html(html, **facts, sizes=sizes, alt=alt, loading=loading, mark=mark)
