"""Storefront views."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static

from example_project.shop import renditions
from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.exceptions import ImageryError
from product_imagery.files import results_storage

_SECONDS = 86_400  #: for which browsers and proxies keep a rendition: another picture has another name


def storefront(request: HttpRequest) -> HttpResponse:
    """List the products, with the enhanced picture if there is one, and the galleries with their covers."""
    page = Paginator(Product.objects.all(), 24).get_page(request.GET.get("page"))
    photos = Prefetch("photos", CollectionPhoto.objects.order_by("-is_cover", "position"))
    collections = Collection.objects.prefetch_related(photos)[:6] if page.number == 1 else ()
    return render(request, "shop/storefront.html", {"page": page, "collections": collections})


def product(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one product."""
    return render(request, "shop/product.html", {"product": get_object_or_404(Product, pk=pk)})


def collection(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the gallery of one collection, the cover first."""
    found = get_object_or_404(Collection, pk=pk)
    photos = found.photos.order_by("-is_cover", "position")
    return render(request, "shop/collection.html", {"collection": found, "photos": photos})


def rendition(request: HttpRequest, width: int, kind: str, name: str) -> HttpResponse:
    """Return a small copy of a picture that customers see; a neutral one in place of one that cannot be read."""
    try:
        made = renditions.rendition(width, kind, name)
    except ImageryError:
        return redirect(static("product_imagery/looks/neutral.svg"))
    if made is None:
        raise Http404("There is no such picture.")
    with results_storage().open(made, "rb") as handle:
        response = HttpResponse(handle.read(), content_type="image/webp")
    response["Cache-Control"] = f"public, max-age={_SECONDS}"
    return response
