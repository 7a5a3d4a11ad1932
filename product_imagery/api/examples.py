"""Examples of requests and responses in the schema, by operation."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

_MOMENT, _LATER = "2026-11-22T10:00:00Z", "2026-11-22T10:00:41Z"
_ENHANCEMENT = "5a0e0c6e-53a7-4a51-9a5b-3e1d6c3a7f10"
_ITEM = "1c7f5b1e-9a55-4a0f-8a0a-0c7e0a5f7a21"
_GENERATION = "9f6d2c9b-7f0e-4a63-8a0e-2d6f1b8c4e32"
_COLLECTION = "c0a8f3d2-4a1c-4a5e-9a55-6b7c8d9e0f43"
_ENDPOINT = "e1b2c3d4-5f60-4a71-8a82-93a4b5c6d754"
_DELIVERY = "d5e4f3a2-6b17-4a28-8a39-4a5b6c7d8e65"
_UPLOAD = "product_imagery.upload:019a7c1e-8f00-7abc-8def-0123456789ab"
_REQUEST = "req_4f1c2a9e7b3d4c5f8a6b0d1e2f3a4b5c"

_OFFER = {
    "provider": "local",
    "operation": "white_background",
    "cost": "0.00",
    "costs": {},
    "currency": "",
    "options": [
        {
            "name": "shadow",
            "kind": "boolean",
            "default": False,
            "required": False,
            "choices": [],
            "minimum": None,
            "maximum": None,
            "help": "a soft shadow under the product",
        }
    ],
}
_PRODUCT = {
    "id": "shop.product:12",
    "name": "Blue mug",
    "images": [
        {
            "picture": "",
            "source": "photos/mug.jpg",
            "enhanced": "",
            "source_url": "https://shop.example/media/photos/mug.jpg",
            "enhanced_url": "",
        }
    ],
}
_UPLOADED = {**_PRODUCT, "id": _UPLOAD}
_STARTED = {
    "id": _ENHANCEMENT,
    "status": "queued",
    "operation": "white_background",
    "options": {"shadow": False},
    "preset": "white",
    "credential": "Local engine",
    "provider": "local",
    "sandbox": False,
    "webhook_url": "",
    "preparing": False,
    "total_items": 1,
    "completed_items": 0,
    "failed_items": 0,
    "stalled_items": 0,
    "created_at": _MOMENT,
    "finished_at": None,
}
_RESULT = {
    "id": _GENERATION,
    "enhancement": _ENHANCEMENT,
    "item": _ITEM,
    "product": "shop.product:12",
    "external_id": "SKU-12",
    "operation": "white_background",
    "sandbox": False,
    "review": "pending",
    "approved_by_rule": "",
    "publication": "none",
    "publication_note": "",
    "format": "JPEG",
    "width": 1600,
    "height": 1600,
    "size": 231_544,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "confidence": 0.97,
    "warnings": [],
    "rules": None,
    "fidelity": {
        "colour": 0.3,
        "colour_95": 0.6,
        "shape": 0.2,
        "details": 0.0,
        "exceeded": [],
        "reason": "",
    },
    "image_url": "https://shop.example/media/product_imagery/results/9f86.jpg",
    "thumbnail_url": "https://shop.example/media/product_imagery/results/thumb-9f86.webp",
    "created_at": _LATER,
}
_ITEM_SHOWN = {
    "id": _ITEM,
    "external_id": "SKU-12",
    "external_ids": ["SKU-12"],
    "product": "shop.product:12",
    "status": "completed",
    "error_code": "",
    "error_message": "",
    "results": [_RESULT],
}
_FINISHED = {**_STARTED, "status": "completed", "completed_items": 1, "finished_at": _LATER}
_COLLECTION_OUT = {"id": _COLLECTION, "name": "Summer", "total": 1, "created_at": _MOMENT}
_HOOK = {
    "id": _ENDPOINT,
    "url": "https://pim.example/hooks/imagery",
    "events": ["enhancement.completed"],
    "description": "PIM",
    "sandbox": False,
    "state": "active",
    "note": "",
    "failing_since": None,
    "delivered_at": _LATER,
    "created_at": _MOMENT,
}
_NEW_HOOK = {
    **_HOOK,
    "state": "pending",
    "delivered_at": None,
    "secret": "whsec_bmV2ZXIgYSByZWFsIG9uZTogYW4gZXhhbXBsZSEhISE=",
}
EVENT = {
    "type": "enhancement.completed",
    "timestamp": _LATER,
    "data": {
        "enhancement": _ENHANCEMENT,
        "status": "completed",
        "total": 1,
        "completed": 1,
        "failed": 0,
        "cancelled": 0,
    },
}
_DELIVERED = {
    "id": _DELIVERY,
    "message_id": "msg_d5e4f3a26b174a288a394a5b6c7d8e65",
    "event": "enhancement.completed",
    "state": "delivered",
    "attempts": 1,
    "next_attempt_at": None,
    "http_status": 200,
    "note": "",
    "body": EVENT,
    "created_at": _LATER,
    "delivered_at": _LATER,
}
_INPUT = {"preset": "white", "images": [{"product": "shop.product:12", "external_id": "SKU-12"}]}
_LEFT_OUT = {
    "left_out": [
        {"product": "shop.product:13", "reason": "done_before", "enhancement": _ENHANCEMENT, "generations": []},
    ]
}
_TOOL = {"product": "shop.product:12", "options": {}}
_ADDED = {"generations": [_GENERATION]}

#: operation → (request body, key of the content in the response, content, further fields of the response)
_EXAMPLES: dict[str, tuple[Any, str, Any, dict[str, Any]]] = {
    "list_presets": (
        None,
        "presets",
        [
            {
                "id": "white",
                "name": "White background",
                "description": "Pure white, centred",
                "operation": "white_background",
                "provider": "local",
                "options": {},
                "rules": "",
            }
        ],
        {},
    ),
    "list_operations": (None, "operations", [_OFFER], {}),
    "list_providers": (
        None,
        "providers",
        [{"id": "local", "name": "Local engine", "available": True, "operations": ["white_background", "scene"]}],
        {},
    ),
    "list_templates": (
        None,
        "templates",
        [{"provider": "local", "operation": "scene", "option": "scene", "id": "marble", "name": "White marble"}],
        {},
    ),
    "list_rule_packs": (
        None,
        "rule_packs",
        [
            {
                "id": "walmart",
                "name": "Walmart",
                "version": 1,
                "checked_on": "2026-11-27",
                "official": True,
                "sources": ["https://marketplacelearn.walmart.com/guides/"],
            }
        ],
        {},
    ),
    "list_products": (None, "products", [_PRODUCT], {"next_cursor": ""}),
    "create_a_product": (
        {"source_url": "https://pim.example/mug.jpg", "name": "Blue mug"},
        "product",
        _UPLOADED,
        {},
    ),
    "get_a_product": (None, "product", _PRODUCT, {}),
    "delete_a_product": (None, "product", _UPLOADED, {}),
    "ask_for_cost_and_duration": (
        _INPUT,
        "quote",
        {
            "pictures": 1,
            "to_do": 1,
            "under_way": 0,
            "done_before": 0,
            "without_picture": 0,
            "in_storage": 0,
            "untakeable": 0,
            "untakeable_because": [],
            "variants": 1,
            "unreadable": 0,
            "cost": "0.00",
            "currency": "",
            "seconds": 2.5,
        },
        {},
    ),
    "list_enhancements": (None, "enhancements", [_FINISHED], {"next_cursor": ""}),
    "start_an_enhancement": (_INPUT, "enhancement", _STARTED, _LEFT_OUT),
    "get_an_enhancement": (None, "enhancement", {**_FINISHED, "items": [_ITEM_SHOWN]}, {}),
    "cancel_an_enhancement": (None, "enhancement", {**_STARTED, "status": "cancelled"}, {"cancelled": 1}),
    "retry_failed_items": (None, "enhancement", _STARTED, {"retried": 1}),
    "use_a_tool_on_one_picture": (_TOOL, "enhancement", _STARTED, {"left_out": []}),
    "list_generations": (None, "generations", [_RESULT], {"next_cursor": ""}),
    "get_a_generation": (None, "generation", _RESULT, {}),
    "approve_a_generation": ({"publish": True}, "generation", {**_RESULT, "review": "approved"}, {}),
    "publish_a_generation": (
        None,
        "generation",
        {**_RESULT, "review": "approved", "publication": "waiting"},
        {},
    ),
    "reject_a_generation": (None, "generation", {**_RESULT, "review": "rejected"}, {}),
    "make_another_one": (None, "generation", {**_RESULT, "review": "rejected"}, {}),
    "restore_the_earlier_picture": (
        None,
        "generation",
        {**_RESULT, "review": "approved", "publication": "restored"},
        {},
    ),
    "list_collections": (None, "collections", [_COLLECTION_OUT], {"next_cursor": ""}),
    "create_a_collection": ({"name": "Summer", "generations": [_GENERATION]}, "collection", _COLLECTION_OUT, {}),
    "get_a_collection": (None, "collection", _COLLECTION_OUT, {}),
    "delete_a_collection": (None, "collection", _COLLECTION_OUT, {}),
    "list_generations_of_a_collection": (None, "generations", [_RESULT], {"next_cursor": ""}),
    "add_to_a_collection": (_ADDED, "collection", _COLLECTION_OUT, {}),
    "remove_from_a_collection": (None, "collection", {**_COLLECTION_OUT, "total": 0}, {}),
    "get_usage": (
        None,
        "usage",
        [
            {
                "day": "2026-11-22",
                "provider": "paqshot",
                "key": "pik_live_0a1b2c3d",
                "currency": "images",
                "spent": "12.00",
                "promised": "3.00",
                "jobs": 15,
            }
        ],
        {},
    ),
    "list_webhook_endpoints": (None, "webhook_endpoints", [_HOOK], {"next_cursor": ""}),
    "create_a_webhook_endpoint": (
        {"url": "https://pim.example/hooks/imagery", "events": ["enhancement.completed"], "description": "PIM"},
        "webhook_endpoint",
        _NEW_HOOK,
        {},
    ),
    "get_a_webhook_endpoint": (None, "webhook_endpoint", _HOOK, {}),
    "delete_a_webhook_endpoint": (None, "webhook_endpoint", _HOOK, {}),
    "verify_a_webhook_endpoint": (None, "webhook_endpoint", {**_HOOK, "state": "pending"}, {}),
    "rotate_the_secret_of_a_webhook_endpoint": (None, "webhook_endpoint", _NEW_HOOK, {}),
    "send_a_test_event": (None, "delivery", {**_DELIVERED, "event": "endpoint.test", "state": "waiting"}, {}),
    "list_deliveries": (None, "deliveries", [_DELIVERED], {"next_cursor": ""}),
    "redeliver_an_event": (None, "delivery", {**_DELIVERED, "state": "waiting"}, {}),
}
_ERROR = {
    "code": "invalid_request",
    "message": "The request is not valid. “details” lists the problems by field.",
    "request_id": _REQUEST,
    "details": {"images": ["This field is required."]},
}


def for_operation(operation: str, status: str) -> list[OpenApiExample]:
    """Return the examples of an operation, whose successful responses have the HTTP status ``status``."""
    refused = OpenApiExample("Refused", {"error": _ERROR}, response_only=True, status_codes=["400"])
    if operation not in _EXAMPLES:
        return [refused]
    body, name, content, extra = _EXAMPLES[operation]
    response = {name: content, **extra, "request_id": _REQUEST}
    found = [OpenApiExample("Response", response, response_only=True, status_codes=[status]), refused]
    if body is not None:
        found.append(OpenApiExample("Request", body, request_only=True, media_type="application/json"))
    return found
