"""``api/v1/``. A breaking change gets a new version, this one stays as it is."""

from __future__ import annotations

from django.urls import path, re_path

from product_imagery.api.views import catalogue, collections, docs, enhancements, generations, products, usage, webhooks
from product_imagery.api.views.fallback import Nothing
from product_imagery.api.views.schema import Schema

_TOOLS = {"remove-bg": "remove_background", "upscale": "upscale", "expand": "expand"}

urlpatterns = [
    path("presets", catalogue.Presets.as_view(), name="presets"),
    path("operations", catalogue.Operations.as_view(), name="operations"),
    path("providers", catalogue.Providers.as_view(), name="providers"),
    path("templates", catalogue.Templates.as_view(), name="templates"),
    path("products", products.Products.as_view(), name="products"),
    path("products/<str:identity>", products.OneProduct.as_view(), name="product"),
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
    path("generations/<uuid:uuid>/publish", generations.Publish.as_view(), name="publish"),
    path("generations/<uuid:uuid>/reject", generations.Reject.as_view(), name="reject"),
    path("generations/<uuid:uuid>/regenerate", generations.Regenerate.as_view(), name="regenerate"),
    path("generations/<uuid:uuid>/restore", generations.Restore.as_view(), name="restore"),
    path("collections", collections.Collections.as_view(), name="collections"),
    path("collections/<uuid:uuid>", collections.OneCollection.as_view(), name="collection"),
    path("collections/<uuid:uuid>/generations", collections.CollectionResults.as_view(), name="collection-results"),
    path(
        "collections/<uuid:uuid>/generations/<uuid:result>",
        collections.CollectionResult.as_view(),
        name="collection-result",
    ),
    path("collections/<uuid:uuid>/download", collections.CollectionArchive.as_view(), name="collection-archive"),
    path("usage", usage.Usage.as_view(), name="usage"),
    path("webhook-endpoints", webhooks.Endpoints.as_view(), name="endpoints"),
    path("webhook-endpoints/<uuid:uuid>", webhooks.OneEndpoint.as_view(), name="endpoint"),
    path("webhook-endpoints/<uuid:uuid>/verify", webhooks.VerifyEndpoint.as_view(), name="endpoint-verify"),
    path("webhook-endpoints/<uuid:uuid>/rotate", webhooks.RotateSecret.as_view(), name="endpoint-rotate"),
    path("webhook-endpoints/<uuid:uuid>/test", webhooks.SendTest.as_view(), name="endpoint-test"),
    path("webhook-endpoints/<uuid:uuid>/deliveries", webhooks.Deliveries.as_view(), name="deliveries"),
    path(
        "webhook-endpoints/<uuid:uuid>/deliveries/<uuid:delivery>/redeliver",
        webhooks.Redeliver.as_view(),
        name="redeliver",
    ),
    path("schema", Schema.as_view(), name="schema"),
    path("docs", docs.guide, name="docs"),
    path("docs/swagger", docs.swagger, name="swagger"),
    path("docs/redoc", docs.redoc, name="redoc"),
    re_path(r"^.*$", Nothing.as_view()),
]
