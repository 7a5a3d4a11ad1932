"""Look: what is to be done with pictures, complete and checked, before anybody says with which."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from product_imagery.exceptions import OptionError, RequestError
from product_imagery.models import Enhancement, Preset, ProviderCredential
from product_imagery.provider_kit.contract import SANDBOX, Offer
from product_imagery.provider_kit.registry import get_offer, get_provider


@dataclass(frozen=True)
class Look:
    """What to do, complete and checked: make one with ``look_of_preset`` or ``look_of_operation``."""

    operation: str
    options: dict[str, Any]
    credential: ProviderCredential
    offer: Offer
    preset: Preset | None = None
    is_test: bool = False
    is_sandbox: bool = False

    @property
    def cost_each(self) -> Decimal:
        """Of one picture, in the provider's own unit; a sandbox makes them for nothing."""
        return Decimal(0) if self.is_sandbox else self.credential.cost_of(self.operation, self.offer, self.options)

    @property
    def variants(self) -> int:
        """How many results one picture has, of which a person chooses one."""
        return int(self.options.get("variants", 1))


def look_of_preset(
    name: str, overrides: Mapping[str, Any] | None = None, credential: ProviderCredential | None = None
) -> Look:
    """The look of a preset, with some options changed. Raises ``RequestError``."""
    preset = _preset(name)
    account = credential or preset.credential or _account(preset.provider)
    return look_of_operation(preset.operation, {**preset.options, **(overrides or {})}, account, preset)


def look_of_operation(
    operation: str,
    options: Mapping[str, Any],
    credential: ProviderCredential | None = None,
    preset: Preset | None = None,
) -> Look:
    """The look of an operation with options; without an account, by the local engine. Raises ``RequestError``."""
    account = credential or _account("local")
    if not account.is_active:
        raise RequestError(f"The account “{account}” is switched off.", code="credential_off")
    offer = get_offer(get_provider(account.provider), operation)
    return Look(operation, offer.clean(options), account, offer, preset, is_sandbox=account.environment == SANDBOX)


def look_of_enhancement(enhancement: Enhancement) -> Look:
    """The look that was accepted. Raises ``RequestError`` where its provider is gone."""
    account = enhancement.credential
    offer = get_offer(get_provider(account.provider), enhancement.operation)
    trial = {"is_test": enhancement.is_test, "is_sandbox": enhancement.is_sandbox}
    return Look(enhancement.operation, enhancement.options, account, offer, enhancement.preset, **trial)


def sandboxed(
    options: Mapping[str, Any],
    *,
    preset: str = "",
    operation: str = "",
    credential: ProviderCredential | None = None,
) -> Look:
    """The look for trying out: by the local engine, without the options that only another provider has.

    What that provider would refuse is refused. Raises ``RequestError``.
    """
    known = _preset(preset) if preset else None
    slug = credential.provider if credential else known.provider if known else "local"
    wanted = known.operation if known else operation
    cleaned = get_offer(get_provider(slug), wanted).clean({**(known.options if known else {}), **options})
    local = _account("local")
    offer = get_offer(get_provider(local.provider), wanted)
    honoured = cleaned if slug == "local" else _fitting(offer, cleaned)
    return Look(wanted, offer.clean(honoured), local, offer, known, is_test=True)


def _fitting(offer: Offer, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options that an offer takes as they are."""
    fitting = {}
    for option in offer.options:
        with suppress(KeyError, OptionError):
            fitting[option.name] = option.clean(options[option.name])
    return fitting


def _preset(name: str) -> Preset:
    preset = Preset.objects.select_related("credential").filter(name=name, is_active=True).first()
    if preset is None:
        known = ", ".join(Preset.objects.filter(is_active=True).values_list("name", flat=True))
        raise RequestError(f"There is no preset “{name}”. There are: {known or 'none'}.", code="unknown_preset")
    return preset


def _account(provider: str) -> ProviderCredential:
    credential = ProviderCredential.objects.for_provider(provider)
    if credential is None:
        label = get_provider(provider).label
        raise RequestError(f"There is no usable account at {label}. Add one in the admin.", code="no_credential")
    return credential
