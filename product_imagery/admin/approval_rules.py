"""Admin of approval rules: a form, what it means in words, and what it would approve of what waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery import categories
from product_imagery.admin.base import PART_HEADER, number_in, page_url, render_page, state_label, stepwise_view
from product_imagery.admin.option_fields import title_of
from product_imagery.admin.permissions import may, missing
from product_imagery.admin.review.queue import Filter, Queue
from product_imagery.admin.review.steps import PERMISSIONS, step_of
from product_imagery.admin.review.views import rule_offer
from product_imagery.admin.visibility import may_change
from product_imagery.flows.results import approval_rules
from product_imagery.models import ApprovalRule
from product_imagery.products import ProductImages

_EFFECT = "admin/product_imagery/approval_rule_effect.html"


class ApprovalRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form of a rule. ``products`` is a model, or a category of one as ``<content type>:<value>``."""

    request: HttpRequest  #: set by the subclass that a request gets
    site: AdminSite

    products = forms.ChoiceField(label=_("Products"), required=False)

    class Meta:
        model = ApprovalRule
        fields = (
            "name",
            "is_active",
            "preset",
            "operation",
            "credential",
            "least_confidence",
            "allows_warnings",
            "publishes",
        )
        help_texts = {
            "preset": _("also where single options were changed at the start"),
            "least_confidence": _("from 0 to 100; a picture below the site's own floor always waits for a person"),
            "allows_warnings": _("a picture with a serious warning always waits for a person"),
            "publishes": _("put them on their products; otherwise they are approved and wait to be published"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rule: ApprovalRule = self.instance
        kind = str(rule.content_type_id or "")
        stored = f"{kind}:{rule.category}" if rule.category else kind
        field: Any = self.fields["products"]
        field.choices = list(_product_choices())
        if stored and stored not in _values(field.choices):
            field.choices.append((stored, rule.category or str(rule.content_type)))
        field.initial = stored
        for name in {"preset", "operation", "credential"} & self.fields.keys():
            empty: Any = self.fields[name]
            named = [(value, title_of(value) if name == "operation" else label) for value, label in empty.choices]
            empty.choices = [("", _("All")), *[one for one in named if one[0] != ""]]

    def clean(self) -> dict[str, Any]:
        """Set what the rule covers, and refuse a rule that does more than the person may do."""
        cleaned: dict[str, Any] = super().clean() or {}
        kind, _colon, category = cleaned.get("products", "").partition(":")
        self.instance.content_type_id, self.instance.category = number_in(kind), category
        needed = PERMISSIONS["approve_and_publish" if cleaned.get("publishes") else "approve"]
        if lacking := missing(self.request, *needed):
            self.add_error("publishes", lacking)
        covered = approval_rules.products(self.instance)
        if not all(may_change(self.request, self.site, one, _keys(one)) for one in covered):
            self.add_error("products", gettext("You may not change all of these products, so no rule of yours may."))
        return cleaned


def _keys(description: ProductImages) -> Any:
    return description.model._base_manager.values_list("pk", flat=True)


def _product_choices() -> Iterator[tuple[Any, Any]]:
    """Yield the choices of products: all, each model, and the categories of each model as a group."""
    yield "", _("All")
    for description in approval_rules.products(ApprovalRule()):
        kind, name = description.content_type().pk, capfirst(description.model._meta.verbose_name_plural)
        yield str(kind), name
        found = categories.choices(description)
        if found:
            yield (
                gettext("%(products)s by category") % {"products": name},
                [(f"{kind}:{value}", label) for value, label in found],
            )


def _values(choices: Any) -> set[str]:
    return {value for one in choices for value, _label in (one[1] if isinstance(one[1], list) else [(one[0], one[1])])}


@admin.register(ApprovalRule)
class ApprovalRuleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """List and form of approval rules."""

    form = ApprovalRuleForm
    change_form_template = "admin/product_imagery/approval_rule.html"
    change_list_template = "admin/product_imagery/change_list.html"
    list_display = ("name", "in_use", "does", "preset", "least_confidence", "changed_by", "changed_at")
    list_filter = ("is_active", "publishes")
    list_select_related = ("content_type", "preset", "credential", "changed_by")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "is_active")}),
        (_("Which pictures"), {"fields": ("products", "preset", "operation", "credential")}),
        (_("How sure they have to be"), {"fields": ("least_confidence", "allows_warnings")}),
        (_("What happens to them"), {"fields": ("publishes",)}),
    )

    class Media:
        css = {"all": ("product_imagery/admin.css",)}

    def get_urls(self) -> list[URLPattern]:
        """Add the effect of a form that is not saved yet."""
        effect = stepwise_view(self.admin_site, self._effect_view)
        return [path("effect/", effect, name="product_imagery_approvalrule_effect"), *super().get_urls()]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form for this person."""
        form = super().get_form(request, obj, change, **kwargs)
        return type("ApprovalRuleForm", (form,), {"request": request, "site": self.admin_site})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write down in whose name the rule decides from now on."""
        obj.changed_by = request.user
        super().save_model(request, obj, form, change)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Show what the rule does, and would do to what waits."""
        stored = kwargs.get("obj")
        form = context["adminform"].form
        is_shown = stored is not None or not form.is_bound
        context |= effect(request, self.admin_site, form.instance if is_shown else None, is_stored=stored is not None)
        context["effect_url"] = page_url(self.admin_site, "approvalrule_effect")
        return super().render_change_form(request, context, *args, **kwargs)

    def _effect_view(self, request: HttpRequest) -> HttpResponse:
        """Return the effect of the form as it stands on the page."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        stored = self.get_object(request, request.POST.get("rule", "")) if request.POST.get("rule") else None
        form = self.get_form(request, stored)(request.POST, instance=stored)
        rule = form.instance if form.is_valid() or set(form.errors) <= {"name"} else None
        context = effect(request, self.admin_site, rule, is_stored=False)
        shown = render_page(request, self.admin_site, _EFFECT, context | {"form_errors": form.errors})
        shown[PART_HEADER] = "rule"
        return shown

    @admin.display(description=_("state"), ordering="is_active")
    def in_use(self, rule: ApprovalRule) -> SafeString:
        return state_label("completed", gettext("in use")) if rule.is_active else state_label("off", gettext("off"))

    @admin.display(description=_("does"), ordering="publishes")
    def does(self, rule: ApprovalRule) -> str:
        return gettext("approves and publishes") if rule.publishes else gettext("approves")

    @admin.display(description=_("Products"))
    def products(self, rule: ApprovalRule) -> str:
        """Show to those who may not change the rule what it covers."""
        return _covered(rule) or gettext("All")


def effect(request: HttpRequest, site: AdminSite, rule: ApprovalRule | None, *, is_stored: bool) -> dict[str, Any]:
    """Return the context of what a rule does, and would do to what waits now; without a rule, of a faulty form.

    ``is_stored``: the rule is as it stands in the database, so that it can be applied.
    """
    if rule is None:
        return {"effect": None}
    step = step_of(rule)
    number = Queue(request, site, Filter(), rule=rule).for_all(step).count()
    found: dict[str, Any] = {"rule": rule, "conditions": list(conditions(rule)), "number": number}
    found["waiting"] = Queue(request, site, Filter()).matching().count()
    if is_stored:
        found["address"] = page_url(site, "enhancement_review") + Filter(rule=rule.pk).query()
        if rule.is_active and number and may(request, *PERMISSIONS[step]):
            found |= {"button": f"{step}:{number}", "label": rule_offer(step, number)}
    return {"effect": found}


def conditions(rule: ApprovalRule) -> Iterator[str]:
    """Yield the conditions of a rule in words."""
    if covered := _covered(rule):
        yield gettext("of these products: %s") % covered
    if rule.preset:
        yield gettext("made with the look “%s”") % rule.preset
    if rule.operation:
        yield gettext("of this kind of work: %s") % title_of(rule.operation)
    if rule.credential:
        yield gettext("made with the account “%s”") % rule.credential
    least = round(100 * approval_rules.least_confidence(rule))
    yield gettext("with a confidence of at least %d %%") % least
    if rule.allows_warnings:
        yield gettext("without a serious warning")
    else:
        yield gettext("without any warning")


def _covered(rule: ApprovalRule) -> str:
    """Return the model and category that a rule covers, in words; an empty string for all products."""
    if rule.content_type is None:
        return ""
    name, label = capfirst(rule.content_type.name), rule.category
    for description in approval_rules.products(rule):
        name = str(capfirst(description.model._meta.verbose_name_plural))
        label = dict(categories.choices(description)).get(rule.category, rule.category)
    return gettext("%(products)s, category “%(category)s”") % {"products": name, "category": label} if label else name
