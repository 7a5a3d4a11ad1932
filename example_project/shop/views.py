"""Storefront views."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from example_project.shop.models import Collection, Product


def storefront(request: HttpRequest) -> HttpResponse:
    """List the products, with the enhanced picture if there is one."""
    page = Paginator(Product.objects.all(), 24).get_page(request.GET.get("page"))
    return render(request, "shop/storefront.html", {"page": page, "collections": Collection.objects.all()[:6]})


def product(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one product."""
    return render(request, "shop/product.html", {"product": get_object_or_404(Product, pk=pk)})
