"""Admin of credentials. A stored secret never leaves the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm, Fieldset
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import PART_HEADER, for_each, redirect_to_page, render_page, stepwise_view, user_of
from product_imagery.admin.credential_forms import EDITED, CredentialForm, provider_tiles
from product_imagery.admin.credential_sample import sample_facts, start_sample
from product_imagery.admin.permissions import require
from product_imagery.flows.hosted import credentials
from product_imagery.history import record, record_each
from product_imagery.models import ProviderCredential
from product_imagery.models.credential_secrets import KEY
from product_imagery.provider_kit.registry import all_providers
from product_imagery.public_urls import webhook_address
from product_imagery.states import UNFINISHED_JOBS


class _FormWithParts(AdminForm):
    """Admin form with a fieldset for each part of the form of a credential, so that every theme shows them."""

    def __init__(self, shown: AdminForm) -> None:
        super().__init__(shown.form, shown.fieldsets, {}, shown.readonly_fields, shown.model_admin)

    def __iter__(self) -> Iterator[Fieldset]:
        yield from super().__iter__()
        form: Any = self.form
        for part in form.parts:
            about = {"classes": part.classes, "description": part.description}
            yield Fieldset(part, part.title, fields=tuple(part.fields), model_admin=self.model_admin, **about)


@admin.register(ProviderCredential)
class ProviderCredentialAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """List and form of credentials, with the load and health of each."""

    form = CredentialForm
    change_form_template = "admin/product_imagery/credential.html"
    list_display = ("name", "provider", "stored_key", "health", "waiting", "is_active")
    list_filter = ("provider", "is_active")
    readonly_fields = ("stored_key", "webhook", "health", "balance")
    actions = ("check_key", "pause", "resume", "move_webhook")

    class Media:
        css = {"all": ("product_imagery/admin.css", "product_imagery/preset.css")}
        js = ("product_imagery/copy.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderCredential]:
        """Annotate the numbers of unfinished jobs in the same query."""
        found: QuerySet[ProviderCredential] = ProviderCredential.objects.annotate(
            waiting_jobs=Count("jobs", filter=Q(jobs__state__in=UNFINISHED_JOBS)),
        )
        return found

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for the provider first."""
        if request.method == "POST" or request.GET.get("provider", "") in all_providers():
            return super().add_view(request, form_url, extra_context)
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "providers": provider_tiles(), "opts": self.opts}
        context |= {"title": gettext("Add an account: choose the provider"), "query": request.GET.urlencode()}
        return render_page(request, self.admin_site, "admin/product_imagery/credential_providers.html", context)

    def get_urls(self) -> list[URLPattern]:
        """Add the test picture."""
        view = stepwise_view(self.admin_site, self._sample_view)
        return [
            path("<int:pk>/test-picture/", view, name="product_imagery_providercredential_sample"),
            *super().get_urls(),
        ]

    def _sample_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the part of the page about the test picture; a POST makes one."""
        credential = self.get_object(request, str(pk))
        if credential is None or not self.has_view_or_change_permission(request, credential):
            raise Http404("There is no such credential.")
        if request.method == "POST":
            require(request, "start_enhancement")
            start_sample(request, credential)
            return redirect_to_page(self.admin_site, "providercredential_change", credential.pk)
        part = self._sample(request, sample_facts(request, self.admin_site, credential))
        return HttpResponse(part, headers={PART_HEADER: "sample"})

    def _sample(self, request: HttpRequest, facts: dict[str, Any]) -> SafeString:
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        return render_to_string("admin/product_imagery/credential_sample.html", facts, request)

    def changeform_view(self, request: HttpRequest, *arguments: Any, **named: Any) -> Any:
        """Check the key if the form asks for it, once the credential is saved: no transaction waits for the network.

        Its page is shown then, with what the provider says and the test picture.
        """
        response = super().changeform_view(request, *arguments, **named)
        saved: ProviderCredential | None = getattr(request, "_imagery_to_check", None)
        if saved:
            for_each(request, lambda one: messages.success(request, f"{one}: {credentials.check(one)}"), [saved])
            if "_save" in request.POST and IS_POPUP_VAR not in request.POST:
                return redirect_to_page(self.admin_site, "providercredential_change", saved.pk)
        return response

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Group the fields; the read-only ones appear once the credential exists."""
        provider = obj.declared if obj else all_providers().get(request.GET.get("provider", ""))
        with_address = provider is None or provider.own_address or bool(obj and obj.base_url)
        may_save = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        needs_key = provider is None or provider.needs_credential
        secrets = (KEY, "check_now") if may_save and needs_key else ()
        return [
            (
                None,
                {
                    "fields": (
                        "provider",
                        "label" if may_save else "name",
                        *(("base_url",) if with_address else ()),
                        "is_active",
                    )
                },
            ),
            *([(_("Secrets"), {"fields": secrets})] if secrets else []),
            (_("Budgets and limits"), {"fields": ("allowed_active", "budget_day", "budget_month")}),
            *([] if with_address else [(_("Seldom needed"), {"fields": ("base_url",), "classes": ("collapse",)})]),
            *([(_("State"), {"fields": self.readonly_fields})] if obj else []),
        ]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Show the parts that depend on the provider, a fieldset for each, to those who may save them."""
        stored = context["original"]
        may_save = self.has_change_permission(request, stored) if stored else self.has_add_permission(request)
        if may_save:
            context["adminform"] = _FormWithParts(context["adminform"])
            for part in context["adminform"].form.parts:
                context["errors"].extend(part.errors.values())
        if stored:
            facts = sample_facts(request, self.admin_site, stored)
            context |= {"sample": self._sample(request, facts), "sample_is_open": facts.get("is_open")}
        return super().render_change_form(request, context, *args, **kwargs)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Name the changed fields of the parts as well."""
        message = super().construct_change_message(request, form, formsets, add)
        changed = [str(part.fields[name].label) for part in form.parts for name in part.changed_data]
        return message if add or not changed else [*message, {"changed": {"fields": changed}}]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Fix the provider once the credential exists: jobs may depend on it."""
        return (*self.readonly_fields, "provider") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: ProviderCredential, form: Any, change: bool) -> None:
        """Save the fields of the form only: a pause that a worker writes meanwhile stays, unless a new key ends it."""
        if form.cleaned_data.get("check_now"):
            request._imagery_to_check = obj  # type: ignore[attr-defined]
        obj.save(update_fields=EDITED if change else None)
        if change and form.cleaned_data.get(KEY) and credentials.welcome_key(obj):
            text = gettext("The account has a new key and is used again.")
            self.message_user(request, text)
            record(user_of(request), {obj: text})

    @admin.display(description=_("name"), ordering="label")
    def name(self, credential: ProviderCredential) -> str:
        return str(credential)

    @admin.display(description=_("stored key"))
    def stored_key(self, credential: ProviderCredential) -> str:
        return f"{credential.hint()} {credential.environment}".strip()

    @admin.display(description=_("address for webhooks"))
    def webhook(self, credential: ProviderCredential) -> SafeString | str:
        if not credential.declared.webhooks:
            return gettext("This provider sends no webhooks.")
        address = webhook_address(credential.webhook_uuid)
        if not address:
            return gettext("Set PUBLIC_BASE_URL to have one; until then the provider is polled.")
        return format_html(
            '<input type="text" readonly size="80" class="imagery-address" id="imagery-webhook" value="{}" '
            'aria-label="{}"> '
            '<button type="button" class="pi-button" hidden data-copies="imagery-webhook" data-done="{}">{}</button>',
            address, gettext("address"), gettext("Copied"), gettext("Copy"),
        )  # fmt: skip

    @admin.display(description=_("health"))
    def health(self, credential: ProviderCredential) -> str:
        if credential.paused_at:
            return gettext("paused: %s") % credential.paused_reason
        return gettext("in use") if credential.is_active else gettext("switched off")

    @admin.display(description=_("unfinished jobs"))
    def waiting(self, credential: Any) -> int:
        return int(credential.waiting_jobs)

    @admin.action(description=_("Check the key at the provider"), permissions=["change"])
    def check_key(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        for_each(request, lambda one: messages.success(request, f"{one}: {credentials.check(one)}"), queryset)

    @admin.action(description=_("New address for webhooks (the old one works for a week)"), permissions=["change"])
    def move_webhook(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        for credential in queryset:
            credentials.move_webhook(credential)
        record_each(user_of(request), queryset, gettext("The address for webhooks was renewed."))

    @admin.action(description=_("Pause: send nothing"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        for credential in queryset:
            credential.pause(gettext("paused by %s") % request.user, stops_reads=True)
        record_each(user_of(request), queryset, gettext("Paused."))

    @admin.action(description=_("Resume after a pause"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        for credential in queryset:
            credentials.resume(credential)
        record_each(user_of(request), queryset, gettext("Resumed."))
