"""The models, one module for each subject, and their querysets. Import models from here."""

from __future__ import annotations

from product_imagery.models.api_key import ApiKey, Scope
from product_imagery.models.approval_rule import ApprovalRule
from product_imagery.models.audited_picture import AuditedPicture
from product_imagery.models.collection import Collection, CollectionEntry
from product_imagery.models.credential import ProviderCredential
from product_imagery.models.enhancement import Enhancement, EnhancementItem, FurtherId
from product_imagery.models.event import Event, EventDelivery, WebhookEndpoint
from product_imagery.models.idempotency import StoredResponse
from product_imagery.models.job import ProviderJob
from product_imagery.models.ledger import CreditEntry
from product_imagery.models.left_out import LeftOut
from product_imagery.models.limit import LimitUse
from product_imagery.models.mark import SpendingMark
from product_imagery.models.preparation import Preparation
from product_imagery.models.preset import Preset
from product_imagery.models.rate_use import RateUse
from product_imagery.models.result import ResultImage
from product_imagery.models.selection import Selection
from product_imagery.models.trouble import WorkerTrouble
from product_imagery.models.upload import Upload
from product_imagery.models.version import ImageVersion
from product_imagery.models.webhook import WebhookDelivery
from product_imagery.models.worker_lease import WorkerLease

__all__ = [
    "ApiKey",
    "ApprovalRule",
    "AuditedPicture",
    "Collection",
    "CollectionEntry",
    "CreditEntry",
    "Enhancement",
    "EnhancementItem",
    "Event",
    "EventDelivery",
    "FurtherId",
    "ImageVersion",
    "LeftOut",
    "LimitUse",
    "Preparation",
    "Preset",
    "ProviderCredential",
    "ProviderJob",
    "RateUse",
    "ResultImage",
    "Scope",
    "Selection",
    "SpendingMark",
    "StoredResponse",
    "Upload",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkerLease",
    "WorkerTrouble",
]
