"""URLs of ``api/v1/``. A breaking change is made in a new version."""

from __future__ import annotations

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from product_imagery.api.views import docs
from product_imagery.api.views.fallback import Fallback
from product_imagery.api.views.schema import Schema
from product_imagery.api.viewsets import catalogue, collections, enhancements, generations, products, usage, webhooks

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("presets", catalogue.PresetViewSet, "preset")
router.register("operations", catalogue.OperationViewSet, "operation")
router.register("providers", catalogue.ProviderViewSet, "provider")
router.register("templates", catalogue.TemplateViewSet, "template")
router.register("rule-packs", catalogue.RulePackViewSet, "rule-pack")
router.register("products", products.ProductViewSet, "product")
router.register("quote", enhancements.QuoteViewSet, "quote")
router.register("enhancements", enhancements.EnhancementViewSet, "enhancement")
router.register("tools", enhancements.ToolViewSet, "tool")
router.register("generations", generations.GenerationViewSet, "generation")
router.register("collections", collections.CollectionViewSet, "collection")
router.register("collections/<uuid:uuid>/generations", collections.CollectionGenerationViewSet, "collection-generation")
router.register("usage", usage.UsageViewSet, "usage")
router.register("webhook-endpoints", webhooks.EndpointViewSet, "webhook-endpoint")
router.register("webhook-endpoints/<uuid:uuid>/deliveries", webhooks.DeliveryViewSet, "delivery")

urlpatterns = [
    *router.urls,
    path("schema", Schema.as_view(), name="schema"),
    path("docs", docs.guide, name="docs"),
    path("docs/swagger", docs.swagger, name="swagger"),
    path("docs/redoc", docs.redoc, name="redoc"),
    re_path(r"^.*$", Fallback.as_view()),
]
