"""Forms of a credential: the fields that every credential has, and those that its provider declares."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.credential_rates import RatesForm
from product_imagery.admin.model_forms import ModelForm
from product_imagery.admin.option_fields import title_of
from product_imagery.conf import get_settings
from product_imagery.models import ProviderCredential
from product_imagery.models.credential_secrets import KEY
from product_imagery.provider_kit.contract import Field, Form, Provider
from product_imagery.provider_kit.registry import all_providers


class SecretInput(forms.PasswordInput):
    """Input that neither shows the stored secret nor lets the browser fill in a password."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password"})


class ProviderFieldsForm(forms.Form):
    """Fields that a provider declares for its credentials besides the key, prefixed with its slug."""

    classes = ()
    description = ""

    def __init__(
        self, data: Any = None, *, provider: type[Provider], credential: ProviderCredential | None = None
    ) -> None:
        super().__init__(data, prefix=provider.slug)
        self.provider, self.title = provider, gettext(provider.label)
        chosen = credential.settings() if credential else {}
        self.fields = {field.name: _form_field(field, chosen.get(field.name)) for field in provider.fields}

    def apply_to(self, credential: ProviderCredential) -> None:
        """Set the entered secrets, encrypted, and the chosen readings; save nothing. An empty field changes nothing."""
        for field in self.provider.fields:
            value = self.cleaned_data[field.name]
            if value and field.secret:
                credential.set_secret(value, field.name)
            elif value:
                credential.readings = {**credential.readings, field.name: value}


def _form_field(field: Field, chosen: str | None) -> forms.Field:
    facts: dict[str, Any] = {"label": gettext(field.label), "help_text": gettext(field.help), "required": False}
    if field.secret:
        return forms.CharField(widget=SecretInput, **facts)
    choices = [(choice, gettext(choice)) for choice in field.choices]
    return forms.ChoiceField(choices=choices, initial=chosen or field.choices[0], **facts)


class CredentialForm(ModelForm):
    """Form of a credential. Stored secrets are never sent to the browser; a field that stays empty keeps its secret.

    ``parts`` are further forms, which depend on the chosen provider: the fields that it declares, limits and prices.
    """

    key = forms.CharField(
        label=_("API key"),
        required=False,
        widget=SecretInput,
        help_text=_("Leave empty to keep the one that is stored."),
    )
    check_now = forms.BooleanField(
        label=_("Check the key after saving"),
        required=False,
        help_text=_("The provider is asked once. Nothing is ordered, and it costs nothing."),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = ProviderCredential
        fields = ("provider", "label", "base_url", "is_active", "allowed_active", "budget_day", "budget_month")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance if self.instance.pk else None
        if stored:
            self.initial["seen"] = _version(stored)
        data = self.data if self.is_bound else None
        entered = stored.provider if stored else (data or self.initial).get("provider", "")
        chosen = all_providers().get(str(entered))
        facts: dict[str, Any] = {"provider": chosen, "credential": stored}
        self.rates = RatesForm(data, **facts) if chosen else None
        self.provider_form = ProviderFieldsForm(data, **facts) if chosen and chosen.fields else None
        self.parts = [part for part in (self.provider_form, self.rates) if part]
        self._fit(chosen, is_new=stored is None)

    def _fit(self, provider: type[Provider] | None, *, is_new: bool) -> None:
        """Fit fields and help to the provider."""
        for name in {"check_now", KEY} & self.fields.keys():
            if provider and not provider.needs_credential:
                del self.fields[name]
        if provider and is_new and "provider" in self.fields:
            choice: Any = self.fields["provider"]
            choice.choices = [(provider.slug, provider.label)]
        if is_new:
            self.initial.setdefault("check_now", True)
        if provider and provider.key_prefixes and KEY in self.fields:
            beginnings = _(" or ").join(f"{prefix}…" for prefix in provider.key_prefixes)
            beginning = _("It begins with %s") % beginnings
            self.fields[KEY].help_text = beginning if is_new else f"{self.fields[KEY].help_text} {beginning}"

    def is_valid(self) -> bool:
        """Validate the parts as well."""
        return all([super().is_valid(), *(part.is_valid() for part in self.parts)])

    def clean(self) -> dict[str, Any]:
        """Require a key of a new credential; refuse to overwrite what somebody else has saved meanwhile."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.rates and self.rates.is_valid():
            self.rates.apply_to(self.instance)
        self._check_key(cleaned)
        if self.instance.pk:
            self._check_moved_secrets()
            self._check_taken_label(cleaned)
            self._check_version(cleaned)
        return cleaned

    def _check_key(self, cleaned: dict[str, Any]) -> None:
        provider = all_providers().get(cleaned.get("provider") or self.instance.provider)
        if provider is None:
            return
        entered = cleaned.get(KEY)
        known = self.instance.sealed.get(KEY) or cleaned.get("label") in get_settings().keys
        if provider.needs_credential and not entered and not known:
            self.add_error(KEY, _("This provider needs a key."))
        if entered and (fault := provider().fault_of_key(entered)):
            self.add_error(KEY, fault)

    def _check_moved_secrets(self) -> None:
        """Require stored secrets anew for another base URL."""
        if "base_url" not in self.changed_data:
            return
        if self.provider_form:
            self.provider_form.full_clean()
        for name in self.instance.sealed:
            form = self if name == KEY else self.provider_form
            if form and name in form.fields and not form.cleaned_data.get(name):
                form.add_error(name, _("The stored secret is not sent to another address: enter it again."))

    def _check_taken_label(self, cleaned: dict[str, Any]) -> None:
        """Refuse a label whose key is in the settings if the credential has its own."""
        if (
            "label" in self.changed_data
            and self.instance.sealed.get(KEY)
            and cleaned.get("label") in get_settings().keys
        ):
            taken = _("The settings hold a key under this name. This credential has its own: give it another name.")
            self.add_error("label", taken)

    def _check_version(self, cleaned: dict[str, Any]) -> None:
        ProviderCredential.objects.lock(self.instance.pk)
        now = _version(ProviderCredential.objects.get(pk=self.instance.pk))
        if cleaned.get("seen", "") not in ("", now):
            raise forms.ValidationError(
                _("Somebody changed this account while you had it open. Nothing was saved: open it again.")
            )

    def save(self, commit: bool = True) -> Any:
        """Save with the entered secrets encrypted."""
        credential = super().save(commit=False)
        if self.cleaned_data.get(KEY):
            credential.set_secret(self.cleaned_data[KEY])
        if self.provider_form:
            self.provider_form.apply_to(credential)
        if commit:
            credential.save()
        return credential


EDITED = (*CredentialForm.Meta.fields, "own_limits", "own_prices", "sealed", "readings")  #: columns of form and parts


def _version(credential: ProviderCredential) -> str:
    """Return a digest of what the form edits, which shows that somebody else has saved meanwhile."""
    values = [str(getattr(credential, name)) for name in EDITED]
    return salted_hmac("product_imagery credential form", json.dumps(values), algorithm="sha256").hexdigest()


def provider_tiles() -> list[dict[str, Any]]:
    """Return the providers that need an account, with their operations, price and needs."""
    return [
        {
            "provider": provider,
            "operations": [title_of(operation) for operation in provider.offers],
            "price": min((price for offer in provider.offers.values() for price in offer.prices().values()), default=0),
            "needs_address": provider.form is Form.URL,
        }
        for provider in sorted(all_providers().values(), key=lambda one: one.label)
        if provider.needs_credential
    ]
