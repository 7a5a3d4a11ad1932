"""Admin of webhook endpoints."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import errors_as_messages, state_label, user_of
from product_imagery.exceptions import UnsafeAddress
from product_imagery.flows.events import endpoints
from product_imagery.history import record_each
from product_imagery.models import Event, WebhookEndpoint
from product_imagery.net.addresses import check_syntax

_STATE_COLOURS: dict[str, str] = {
    WebhookEndpoint.State.PENDING: "queued",
    WebhookEndpoint.State.ACTIVE: "completed",
    WebhookEndpoint.State.DISABLED: "failed",
}


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form of an endpoint, with its events as checkboxes."""

    url = forms.CharField(label=_("Address"), max_length=2000, widget=forms.URLInput(attrs={"size": 70}))
    events = forms.MultipleChoiceField(
        label=_("Events"), choices=Event.choices, widget=forms.CheckboxSelectMultiple, initial=Event.values
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "description", "events", "is_test")

    def clean_url(self) -> str:
        """Return the URL. Raises ``ValidationError`` for one that may not be called."""
        url: str = self.cleaned_data["url"]
        try:
            check_syntax(url)
        except UnsafeAddress as error:
            raise forms.ValidationError(error.message) from error
        return url


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """List and form of endpoints. A new one is sent a challenge; its secret is shown once."""

    form = EndpointForm
    list_display = ("__str__", "coloured_state", "failing_since", "delivered_at", "owner", "url")
    list_filter = ("state", "is_test")
    list_select_related = ("owner",)
    search_fields = ("url", "description")
    actions = ("verify", "send_test", "rotate")

    class Media:
        css = {"all": ("product_imagery/admin.css",)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Fix the URL once the endpoint exists: another one needs a challenge of its own."""
        return ("url", "is_test", "owner", "coloured_state", "note", "failing_since", "delivered_at") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add the read-only fields of an endpoint that exists."""
        shown = ["owner", "coloured_state", "note", "failing_since", "delivered_at"] if obj else []
        return [*EndpointForm.Meta.fields, *shown]

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        """Save the endpoint. A new one belongs to the person who made it."""
        if change:
            obj.save(update_fields=["description", "events"])  # a worker may be writing the rest at this moment
            return
        chosen = {name: form.cleaned_data[name] for name in EndpointForm.Meta.fields}
        made, secret = endpoints.make(owner=user_of(request), **chosen)
        obj.pk, obj.uuid = made.pk, made.uuid
        self._show(request, secret)

    def log_addition(self, request: HttpRequest, obj: WebhookEndpoint, message: Any) -> Any:
        """Record that the person has seen the secret."""
        return super().log_addition(request, obj, gettext("Made; its secret was shown once."))

    def _show(self, request: HttpRequest, secret: str) -> None:
        sentence = gettext("Keep this secret now, it is not shown again: {}")
        messages.warning(request, format_html(sentence, format_html("<code>{}</code>", secret)))

    @admin.display(description=_("state"), ordering="state")
    def coloured_state(self, endpoint: WebhookEndpoint) -> SafeString:
        return state_label(_STATE_COLOURS[endpoint.state], endpoint.get_state_display())

    @admin.action(description=_("Send a challenge (to those that wait or were switched off)"), permissions=["change"])
    def verify(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            with errors_as_messages(request):
                endpoints.verify(endpoint)
                messages.success(request, gettext("A challenge is on its way to {}.").format(endpoint))

    @admin.action(description=_("Send a test event"), permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            with errors_as_messages(request):
                endpoints.send_test(endpoint)
                messages.success(request, gettext("A test event is on its way to {}.").format(endpoint))

    @admin.action(description=_("Make a new secret (the old one signs for another day)"), permissions=["change"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            self._show(request, endpoints.rotate(endpoint))
        record_each(user_of(request), queryset, gettext("A new secret was made and shown once."))
