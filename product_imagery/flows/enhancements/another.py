"""Another: one picture made with other options, or at another account, than a result of it.

The same work once more makes another variant of the same item: that is ``results.review.regenerate``. Other work is
another enhancement of that one picture, started like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext, gettext_noop

from product_imagery.exceptions import StateError
from product_imagery.flows.enhancements.plan import Plan, make_plan
from product_imagery.flows.enhancements.selection import Chosen
from product_imagery.flows.enhancements.specs import WorkSpec, fitting, spec_of_enhancement
from product_imagery.flows.enhancements.start import Quote, quote_of, start
from product_imagery.flows.identity import Publications
from product_imagery.models import Enhancement, EnhancementItem, ProviderCredential, ResultImage
from product_imagery.products import description_for
from product_imagery.products.slots import read_slot
from product_imagery.provider_kit.contract import SANDBOX
from product_imagery.provider_kit.registry import all_providers, get_offer

SAME_AGAIN = gettext_noop("With these options it would come out the same. Change something.")


def spec_of_result(result: ResultImage) -> WorkSpec:
    """Return the work spec by which a result was made. Raises ``RequestError`` when its provider is gone."""
    spec = spec_of_enhancement(result.enhancement)
    options = result.job.options if result.job else spec.options
    return replace(spec, options=spec.offer.defaults() | fitting(spec.offer, options))


def credentials_for(spec: WorkSpec) -> list[ProviderCredential]:
    """Return the accounts at which such work can be done, its own one first; no other one for a trial."""
    if spec.is_test or spec.is_sandbox:
        return [spec.credential]
    active = ProviderCredential.objects.filter(is_active=True).exclude(pk=spec.credential.pk)
    offering = [slug for slug, provider in all_providers().items() if spec.operation in provider.offers]
    others = [one for one in active if one.provider in offering and one.environment != SANDBOX]
    return [*([spec.credential] if spec.credential.is_active else []), *others]


def picture_options(spec: WorkSpec) -> dict[str, Any]:
    """Return the options that change what the picture shows."""
    return {one.name: spec.options[one.name] for one in spec.offer.options if one.changes_picture}


def other_spec(before: WorkSpec, credential: ProviderCredential, options: Mapping[str, Any]) -> WorkSpec:
    """Return the work spec with another account and options; the rest stays as it was, where it fits.

    Raises ``RequestError``.
    """
    offer = get_offer(credential.declared, before.operation)
    kept = fitting(offer, before.options)
    if "variants" in kept:
        kept["variants"] = 1
    cleaned = offer.clean({**kept, **options})
    is_sandbox = credential.environment == SANDBOX
    return replace(before, options=cleaned, credential=credential, offer=offer, is_sandbox=is_sandbox)


def is_same_work(before: WorkSpec, after: WorkSpec) -> bool:
    """Return true if both are done at the same account, with the same options that change what is shown."""
    return before.credential == after.credential and picture_options(before) == picture_options(after)


def comes_out_the_same(before: WorkSpec, after: WorkSpec) -> bool:
    """Return true if other work would give the same picture, as this machine makes it from the same options."""
    provider = after.credential.declared
    same_provider = provider.computes and after.credential.provider == before.credential.provider
    return same_provider and picture_options(before) == picture_options(after)


def quote_another(result: ResultImage, spec: WorkSpec) -> tuple[Quote, Plan]:
    """Return cost and duration of the picture of a result with other work, and the plan for it.

    Raises what ``make_plan`` raises.
    """
    chosen, how = _picture(result.item)
    plan = make_plan(chosen, spec, **how)
    return quote_of(plan, chosen, spec), plan


def make_another(result: ResultImage, spec: WorkSpec, *, actor: AbstractBaseUser | None, channel: str) -> Enhancement:
    """Start an enhancement of the picture of a result, with other work.

    Its result waits for a person, whatever rules there are. Raises ``StateError`` for work that would give the same
    picture, and what ``enhance`` raises.
    """
    if comes_out_the_same(spec_of_result(result), spec):
        raise StateError(gettext(SAME_AGAIN), code="same_again")
    chosen, how = _picture(result.item)
    about = {"channel": channel, "actor": actor, "origin": result.enhancement.origin or result.enhancement}
    return start(chosen, spec, {**about, "budget": None, "api_key": None}, {}, **how).enhancement


def _picture(item: EnhancementItem) -> tuple[Chosen, dict[str, Any]]:
    """Return the product of an item, and which of its pictures from which source is meant, for ``make_plan``."""
    description = description_for(item.content_type_id)
    slot = read_slot(description, item.object_id, item.slot)
    place = slot.source_place if slot else ""
    from_present = Publications([place]).original(place, item.source_name) != item.source_name
    only = {(description, item.object_id, item.slot)}
    return {description: [item.object_id]}, {"only": only, "fresh": False, "from_present": from_present}
