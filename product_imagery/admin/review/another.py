"""“Make another”: what should differ from a picture, what that costs, and the button that orders it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _

from product_imagery import history
from product_imagery.admin.base import number_in, page_url, user_of
from product_imagery.admin.small_copies import source_url
from product_imagery.admin.start import facts
from product_imagery.admin.start.forms import OptionsForm
from product_imagery.exceptions import ImageryError, StateError
from product_imagery.flows.enhancements import another
from product_imagery.flows.enhancements.plan import NO_PICTURE, left_out_text
from product_imagery.flows.enhancements.specs import WorkSpec, fitting
from product_imagery.flows.results import review
from product_imagery.models import Enhancement, ProviderCredential, ResultImage
from product_imagery.provider_kit.registry import get_offer
from product_imagery.states import Review


class Another:
    """The form of one result as a person has filled it in: account, options, and whether to reject the present one."""

    def __init__(self, request: HttpRequest, site: AdminSite, result: ResultImage) -> None:
        self._request, self._site, self.result = request, site, result
        self.before = another.spec_of_result(result)
        self.credentials = {one.pk: one for one in another.credentials_for(self.before)}
        posted = request.POST if "credential" in request.POST else {}
        own = self.before.credential
        self.credential = self.credentials.get(number_in(posted.get("credential")) or 0, own)
        shown = self.credentials.get(number_in(posted.get("shown")) or 0, own)
        self.is_shown = not posted or shown == self.credential
        self.form = self._options_form(self.credential, posted if posted and self.is_shown else None)
        if not self.is_shown:
            entered = self._options_form(shown, posted)
            entered.is_valid()
            self.form = self._options_form(self.credential, None, kept=entered.cleaned_data)
        self.rejects = "rejects" in posted or not posted
        self.problem = ""

    def _options_form(self, credential: ProviderCredential, data: Any, kept: Any = None) -> OptionsForm:
        """Return the form of the options that change the picture, as this account offers them, and of missing ones."""
        offer = get_offer(credential.declared, self.before.operation)
        options = offer.defaults() | fitting(offer, self.before.options)
        wanted = (one for one in offer.options if one.changes_picture or (one.required and not options[one.name]))
        shown = replace(offer, options=tuple(wanted))
        spec = WorkSpec(self.before.operation, options, credential, shown)
        return OptionsForm(data, spec=spec, kept=fitting(shown, kept or {}), one_picture=True)

    def carry_out(self) -> bool:
        """Order the picture if its price was seen; return false, with a ``problem``, if it was not ordered."""
        after = self._after()
        if not self.is_shown:
            self.problem = _(
                "You chose another account, so nothing was ordered. Its options and its price are shown now."
            )
        elif after is not None and self._request.POST.get("seen") != self._seen(after):
            self.problem = _("The price has changed since it was shown, so nothing was ordered. This is the new one.")
        return not self.problem and after is not None and self._order(after)

    def _order(self, after: WorkSpec) -> bool:
        person = user_of(self._request)
        try:
            if another.is_same_work(self.before, after):
                review.regenerate(self.result, actor=person, rejects=self.rejects)
                messages.success(self._request, history.review_sentence("regenerate", 1))
            else:
                channel = Enhancement.Channel.ADMIN
                enhancement = another.make_another(self.result, after, actor=person, channel=channel)
                self._started(enhancement)
        except ImageryError as error:
            self.problem = error.message
            return False
        history.reviewed(person, "regenerate", [self.result])
        return True

    def _started(self, enhancement: Enhancement) -> None:
        """Reject the present picture if that is wanted, and say where the other one is being made."""
        history.started(user_of(self._request), enhancement)
        if self.rejects and self.result.review == Review.PENDING:
            with suppress(StateError):
                review.reject(self.result, actor=user_of(self._request))
        address = page_url(self._site, "enhancement_change", enhancement.pk)
        link = format_html('<a href="{}">{}</a>', address, enhancement)
        messages.success(self._request, format_html(_("Another one is being made: {}"), link))

    def _after(self) -> WorkSpec | None:
        """Return the work as the form has it, or ``None``, with a ``problem``."""
        if self.form.is_bound and not self.form.is_valid():
            return None
        try:
            return another.other_spec(self.before, self.credential, self.form.options())
        except ImageryError as error:
            self.problem = self.problem or error.message
            return None

    def context(self) -> dict[str, Any]:
        """Return what the page shows."""
        found: dict[str, Any] = {
            "result": self.result,
            "form": self.form,
            "credential": self.credential.pk,
            "to_do": False,
        }
        found |= {"credentials": list(self.credentials.values()), "rejects": self.rejects}
        found["may_reject"] = self.result.review == Review.PENDING
        names = {option.name for option in self.form.spec.offer.options if option.one_picture}
        found["hints"] = [field for field in self.form if field.name in names]
        found["fields"] = [field for field in self.form if field.name not in names]
        found["before"] = source_url(self._request, self._site, self.result.item)
        after = self._after()
        if after is not None:
            found |= {"facts": facts.credential(self._request, self._site, after), "cost": after.cost_each}
            found |= {"seen": self._seen(after), "unit": after.credential.declared.currency}
            found |= self._outlook(after)
        return found | {"problem": self.problem}

    def _outlook(self, after: WorkSpec) -> dict[str, Any]:
        """Return whether this can be ordered, and what is known about it."""
        if another.is_same_work(self.before, after):
            can_vary = review.can_vary(self.result.enhancement)
            return {"is_same": True, "to_do": can_vary}
        if another.comes_out_the_same(self.before, after):
            return {"is_same": True}
        try:
            figures, plan = another.quote_another(self.result, after)
        except ImageryError as error:
            self.problem = self.problem or error.message
            return {}
        places = facts.elsewhere(self._request, self._site, plan)
        numbers = plan.figures() | ({NO_PICTURE: 1} if figures.without_picture else {})
        left_out = [
            {"text": left_out_text(reason, number), "links": places.get(reason, ())}
            for reason, number in numbers.items()
        ]
        return {"to_do": bool(figures.to_do), "left_out": left_out, "untakeable": figures.untakeable_because}

    def _seen(self, after: WorkSpec) -> str:
        """Return what the person has to have seen before anything is ordered."""
        cost: Decimal = after.cost_each.normalize()
        return f"{after.credential.pk}:{cost:f}:{after.credential.declared.currency}"
