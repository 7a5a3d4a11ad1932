"""Admin of credentials. A stored secret never leaves the server."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import each
from product_imagery.admin.history import record, record_each
from product_imagery.conf import get_settings
from product_imagery.flows import accounts
from product_imagery.models import ProviderCredential
from product_imagery.models.credential import KEY
from product_imagery.provider_kit.registry import all_providers
from product_imagery.public_urls import webhook_address
from product_imagery.states import UNFINISHED_JOBS


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form of a credential. A stored secret is never sent to the browser: an empty field keeps it."""

    key = forms.CharField(
        label=_("API key"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave empty to keep the one that is stored."),
    )

    class Meta:
        model = ProviderCredential
        widgets = {name: forms.Textarea(attrs={"rows": 2, "cols": 60}) for name in ("own_limits", "own_prices")}
        fields = (
            "provider",
            "label",
            "base_url",
            "is_active",
            "allowed_active",
            "own_limits",
            "own_prices",
            "budget_day",
            "budget_month",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance if self.instance.pk else None
        if stored:
            self.fields["seen"] = forms.CharField(widget=forms.HiddenInput, initial=_version(stored), required=False)
        for slug, provider in all_providers().items():
            for field in provider.fields if stored is None or stored.provider == slug else ():
                label = f"{provider.label}: {field.label}" if stored is None else field.label
                if field.secret:
                    self.fields[f"secret_{slug}_{field.name}"] = forms.CharField(
                        label=label,
                        required=False,
                        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
                        help_text=field.help,
                    )
                else:
                    self.fields[f"reading_{slug}_{field.name}"] = forms.ChoiceField(
                        label=label,
                        required=False,
                        choices=[(one, one) for one in field.choices],
                        initial=stored.settings()[field.name] if stored else field.choices[0],
                        help_text=field.help,
                    )

    def clean(self) -> dict[str, Any]:
        """Require a key of a new credential; refuse to overwrite what somebody else has saved meanwhile."""
        cleaned: dict[str, Any] = super().clean() or {}
        provider = all_providers().get(cleaned.get("provider") or self.instance.provider)
        known = self.instance.sealed.get(KEY) or cleaned.get("label") in get_settings().keys
        if provider and provider.needs_credential and not cleaned.get(KEY) and not known:
            self.add_error(KEY, _("This provider needs a key."))
        if provider and cleaned.get(KEY) and (fault := provider().fault_of_key(cleaned[KEY].strip())):
            self.add_error(KEY, fault)
        self._refuse_moved_secrets(cleaned)
        if self.instance.pk:
            ProviderCredential.objects.lock(self.instance.pk)
            now = _version(ProviderCredential.objects.get(pk=self.instance.pk))
            if cleaned.get("seen", "") not in ("", now):
                raise forms.ValidationError(
                    _("Somebody changed this account while you had it open. Nothing was saved: open it again.")
                )
        return cleaned

    def _refuse_moved_secrets(self, cleaned: dict[str, Any]) -> None:
        """Require stored secrets anew for another base URL; refuse a label whose key is in the settings."""
        stored = self.instance.sealed if self.instance.pk else {}
        for name in stored if "base_url" in self.changed_data else ():
            field = KEY if name == KEY else f"secret_{self.instance.provider}_{name}"
            if field in self.fields and not cleaned.get(field):
                self.add_error(field, _("What is stored is not sent to another address: enter it again."))
        if "label" in self.changed_data and stored.get(KEY) and cleaned.get("label") in get_settings().keys:
            taken = _("The settings hold a key under this name. This credential has its own: give it another name.")
            self.add_error("label", taken)

    def save(self, commit: bool = True) -> Any:
        """Save with the entered secrets encrypted."""
        credential = super().save(commit=False)
        if self.cleaned_data.get(KEY):
            credential.set_secret(self.cleaned_data[KEY].strip())
        for field in credential.declared.fields:
            value = self.cleaned_data.get(f"secret_{credential.provider}_{field.name}", "")
            if value:
                credential.set_secret(value.strip(), field.name)
            reading = self.cleaned_data.get(f"reading_{credential.provider}_{field.name}", "")
            if reading:
                credential.readings = {**credential.readings, field.name: reading}
        if commit:
            credential.save()
        return credential


def _version(credential: ProviderCredential) -> str:
    """Return a digest of what the form edits, which shows that somebody else has saved meanwhile."""
    values = [str(getattr(credential, name)) for name in (*CredentialForm.Meta.fields, "sealed", "readings")]
    return salted_hmac("product_imagery credential form", json.dumps(values), algorithm="sha256").hexdigest()


@admin.register(ProviderCredential)
class ProviderCredentialAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """List and form of credentials, with the load and health of each."""

    form = CredentialForm
    list_display = ("label", "provider", "stored_key", "health", "waiting", "is_active")
    list_filter = ("provider", "is_active")
    readonly_fields = ("stored_key", "webhook", "health", "balance")
    actions = ("check_key", "pause", "resume", "move_webhook")

    class Media:
        css = {"all": ("product_imagery/admin.css",)}
        js = ("product_imagery/copy.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderCredential]:
        """Annotate the numbers of unfinished jobs in the same query."""
        found: QuerySet[ProviderCredential] = ProviderCredential.objects.annotate(
            waiting_jobs=Count("jobs", filter=Q(jobs__state__in=UNFINISHED_JOBS)),
        )
        return found

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Build the form from the model's fields; the form itself adds those of secrets."""
        kwargs["fields"] = [name for name in CredentialForm.Meta.fields if not (obj and name == "provider")]
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Group the fields; the read-only ones appear once the credential exists."""
        names = list(CredentialForm(instance=obj).fields)
        secrets = [name for name in names if name == KEY or name.startswith("secret_")]
        account = ["provider", "label", "base_url", "is_active"]
        shown = ["stored_key", "webhook", "health", "balance"] if obj else []
        readings = [name for name in names if name.startswith("reading_")]
        limits = ["allowed_active", "own_limits", "own_prices", "budget_day", "budget_month"]
        return [
            (None, {"fields": [*account, *(["seen"] if obj else [])]}),
            (_("Secrets"), {"fields": secrets}),
            (_("Limits and prices"), {"fields": limits}),
            *([(_("What the provider leaves open"), {"fields": readings})] if readings else []),
            *([(_("State"), {"fields": shown})] if obj else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Fix the provider once the credential exists: jobs may depend on it."""
        return (*self.readonly_fields, "provider") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: ProviderCredential, form: Any, change: bool) -> None:
        """Save only the form: what workers write meanwhile, such as a pause, stays unless a new key ends it."""
        obj.save(update_fields=(*CredentialForm.Meta.fields, "sealed", "readings") if change else None)
        if change and form.cleaned_data.get(KEY) and accounts.welcome_key(obj):
            text = gettext("The account has a new key and is used again.")
            self.message_user(request, text)
            record(request, {obj: text})

    @admin.display(description=_("stored key"))
    def stored_key(self, credential: ProviderCredential) -> str:
        return f"{credential.hint()} {credential.environment}".strip()

    @admin.display(description=_("address for webhooks"))
    def webhook(self, credential: ProviderCredential) -> SafeString | str:
        if not credential.declared.webhooks:
            return gettext("This provider sends none.")
        address = webhook_address(credential.webhook_uuid)
        if not address:
            return gettext("Set PUBLIC_BASE_URL to have one; until then the provider is asked regularly.")
        return format_html(
            '<input type="text" readonly size="80" class="imagery-address" id="imagery-webhook" value="{}" '
            'aria-label="{}"> '
            '<button type="button" class="button" hidden data-copies="imagery-webhook" data-done="{}">{}</button>',
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
        each(request, lambda one: messages.success(request, f"{one}: {accounts.check(one)}"), queryset)

    @admin.action(description=_("New address for webhooks (the old one works for a week)"), permissions=["change"])
    def move_webhook(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        for credential in queryset:
            accounts.move_webhook(credential)
        record_each(request, queryset, gettext("The address for webhooks was renewed."))

    @admin.action(description=_("Pause: send nothing"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        for credential in queryset:
            credential.pause(gettext("paused by %s") % request.user, stops_reads=True)
        record_each(request, queryset, gettext("Paused."))

    @admin.action(description=_("Resume after a pause"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[ProviderCredential]) -> None:
        for credential in queryset:
            accounts.resume(credential)
        record_each(request, queryset, gettext("Resumed."))
