"""``path("imagery/", include("product_imagery.urls"))``."""

from __future__ import annotations

from django.urls import include, path

from product_imagery.webhooks import views
from product_imagery.webhooks.health import health

app_name = "product_imagery"

urlpatterns = [
    path("api/v1/", include("product_imagery.api.urls")),
    path("webhooks/<uuid:credential>/", views.webhook, name="webhook"),
    path("webhooks/<uuid:credential>", views.webhook),  # vendors strip slashes, and a redirect would lose the body
    path("sources/<str:signed>/", views.source, name="source"),
    path("health/", health, name="health"),
    path("sources/<str:signed>", views.source),
]
