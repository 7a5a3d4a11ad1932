"""Admin of deliveries: webhook calls that providers sent, and events that are sent to endpoints."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import ReadOnly, errors_as_messages, state_label
from product_imagery.admin.permissions import may, missing
from product_imagery.flows import inbound
from product_imagery.flows.events import endpoints
from product_imagery.models import EventDelivery, WebhookDelivery

_STATE_COLOURS: dict[str, str] = {
    EventDelivery.State.WAITING: "queued",
    EventDelivery.State.DELIVERED: "completed",
    EventDelivery.State.FAILED: "failed",
}


class GuardedBody:
    """Mixin of pages of deliveries, whose body (``text``) requires the permission ``body_permission``."""

    body_permission: str

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Leave out the stored bytes; ``text`` shows them."""
        return ("body",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        """Show the body, or the reason why it is hidden."""
        if may(request, self.body_permission):
            return ("text",)
        why = gettext("The body is hidden.")
        sentence = f"{why} {missing(request, self.body_permission)}"
        hidden = admin.display(description=_("body"))(lambda _delivery: sentence)
        return (hidden,)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(GuardedBody, ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Webhook calls of providers, as received."""

    list_display = ("received_at", "credential", "event_id", "processed_at", "set_aside_at", "outcome")
    list_filter = ("credential", ("set_aside_at", admin.EmptyFieldListFilter), "received_at")
    list_select_related = ("credential",)
    body_permission = "view_body_webhookdelivery"
    actions = ("reprocess",)
    steps = ("cancel_enhancement",)

    def has_reprocess_permission(self, request: HttpRequest) -> bool:
        """Return true for users who may process a call again."""
        return may(request, "cancel_enhancement")

    @admin.action(description=_("Process again"), permissions=["reprocess"])
    def reprocess(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        done = 0
        for delivery in queryset.select_related("credential"):
            reason = inbound.try_to_process(delivery)
            if reason:
                text = gettext("%(call)s could not be acted on: %(reason)s")
                messages.warning(request, text % {"call": delivery, "reason": reason})
            done += not reason
        if done:
            messages.success(
                request, ngettext("%(n)s call was acted on.", "%(n)s calls were acted on.", done) % {"n": done}
            )

    @admin.display(description=_("body"))
    def text(self, delivery: WebhookDelivery) -> str:
        return bytes(delivery.body).decode(errors="replace")


@admin.register(EventDelivery)
class EventDeliveryAdmin(GuardedBody, ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Events that were sent or wait to be sent."""

    list_display = ("created_at", "kind", "endpoint", "coloured_state", "attempts", "status", "note", "due_at")
    list_filter = ("state", "kind", "endpoint")
    list_select_related = ("endpoint",)
    body_permission = "view_body_eventdelivery"
    actions = ("redeliver",)
    steps = ("change_webhookendpoint",)

    class Media:
        css = {"all": ("product_imagery/admin.css",)}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it to users who may delete endpoints: deliveries are deleted with them."""
        return may(request, "delete_webhookendpoint")

    def has_redeliver_permission(self, request: HttpRequest) -> bool:
        """Return true for users who may send an event again."""
        return may(request, "change_webhookendpoint")

    @admin.action(description=_("Send again"), permissions=["redeliver"])
    def redeliver(self, request: HttpRequest, queryset: QuerySet[EventDelivery]) -> None:
        for delivery in queryset.select_related("endpoint"):
            with errors_as_messages(request):
                endpoints.redeliver(delivery)
                messages.success(request, gettext("{} is on its way.").format(delivery))

    @admin.display(description=_("state"), ordering="state")
    def coloured_state(self, delivery: EventDelivery) -> SafeString:
        return state_label(_STATE_COLOURS[delivery.state], delivery.get_state_display())

    @admin.display(description=_("body"))
    def text(self, delivery: EventDelivery) -> SafeString:
        shown = json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", shown)
