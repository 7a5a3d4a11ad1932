"""URLs of the example shop."""

from __future__ import annotations

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path

from example_project.shop import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("imagery/", include("product_imagery.urls")),
    path("", views.storefront, name="storefront"),
    path("products/<int:pk>/", views.product, name="product"),
    path("collections/<int:pk>/", views.collection, name="collection"),
    path("renditions/<int:width>/<slug:kind>/<path:name>", views.rendition, name="rendition"),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
