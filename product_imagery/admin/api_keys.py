"""Admin of API keys. A key is shown once, when it is made."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import user_of
from product_imagery.history import record_each
from product_imagery.models import ApiKey, Scope

_FIXED = ("owner", "is_test")


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form of a key, with its scopes as checkboxes."""

    scopes = forms.MultipleChoiceField(
        label=_("May"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ, Scope.ENHANCE]
    )

    class Meta:
        model = ApiKey
        fields = ("name", "owner", "is_test", "scopes", "requests_per_minute", "budget_day", "expires_at")


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """List and form of keys, with an action that revokes them."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "owner", "is_test", "state", "last_used_at")
    list_filter = ("is_test", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("owner",)
    search_fields = ("name", "=prefix")
    actions = ("revoke",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Fix the owner and the kind of a key once it is made."""
        return (*_FIXED, "prefix", "state", "last_used_at") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add the read-only fields of a key that exists."""
        shown = ["prefix", "state", "last_used_at"] if obj else []
        return [*ApiKeyForm.Meta.fields, *shown]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer other owners to superusers only: a key may do what its owner may do."""
        if db_field.name == "owner" and not request.user.is_superuser:
            kwargs["queryset"] = get_user_model()._default_manager.filter(pk=request.user.pk or 0)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Suggest the person who is logged in as the owner."""
        return {"owner": request.user.pk, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Save the key; show a new one, this once."""
        if change:
            super().save_model(request, obj, form, change)
            return
        text = obj.seal()
        obj.save()
        sentence = gettext("Keep this key now, it is not shown again: {}")
        messages.warning(request, format_html(sentence, format_html("<code>{}</code>", text)))

    def log_addition(self, request: HttpRequest, obj: ApiKey, message: Any) -> Any:
        """Record that the person has seen the key."""
        return super().log_addition(request, obj, gettext("Made and shown once."))

    @admin.display(description=_("state"))
    def state(self, key: ApiKey) -> str:
        return str(key.state.label)

    @admin.action(description=_("Revoke: refuse all further requests"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = [key for key in queryset if key.revoke()]
        record_each(user_of(request), revoked, gettext("Revoked."))
        count = len(revoked)
        messages.success(request, ngettext("%(n)s key was revoked.", "%(n)s keys were revoked.", count) % {"n": count})
