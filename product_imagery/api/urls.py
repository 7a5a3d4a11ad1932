"""``api/v1/``. A breaking change gets a new version, this one stays as it is."""

from __future__ import annotations

from django.urls import path, re_path

from product_imagery.api.views import catalogue, enhancements, generations
from product_imagery.api.views.fallback import Nothing
from product_imagery.api.views.schema import Schema

_TOOLS = {"remove-bg": "remove_background", "upscale": "upscale", "expand": "expand"}

urlpatterns = [
    path("presets", catalogue.Presets.as_view(), name="presets"),
    path("operations", catalogue.Operations.as_view(), name="operations"),
    path("providers", catalogue.Providers.as_view(), name="providers"),
    path("templates", catalogue.Templates.as_view(), name="templates"),
    path("products/<str:identity>", catalogue.Product.as_view(), name="product"),
    path("quote", catalogue.Quote.as_view(), name="quote"),
    path("enhancements", enhancements.Enhancements.as_view(), name="enhancements"),
    path("enhancements/<uuid:uuid>", enhancements.OneEnhancement.as_view(), name="enhancement"),
    path("enhancements/<uuid:uuid>/cancel", enhancements.CancelEnhancement.as_view(), name="cancel"),
    path("enhancements/<uuid:uuid>/retry", enhancements.RetryEnhancement.as_view(), name="retry"),
    *[
        path(f"tools/{name}", enhancements.Tool.as_view(operation=operation), name=f"tool-{name}")
        for name, operation in _TOOLS.items()
    ],
    path("generations", generations.Generations.as_view(), name="generations"),
    path("generations/<uuid:uuid>", generations.OneGeneration.as_view(), name="generation"),
    path("generations/<uuid:uuid>/approve", generations.Approve.as_view(), name="approve"),
    path("generations/<uuid:uuid>/reject", generations.Reject.as_view(), name="reject"),
    path("generations/<uuid:uuid>/regenerate", generations.Regenerate.as_view(), name="regenerate"),
    path("generations/<uuid:uuid>/restore", generations.Restore.as_view(), name="restore"),
    path("schema", Schema.as_view(), name="schema"),
    re_path(r"^.*$", Nothing.as_view()),
]
