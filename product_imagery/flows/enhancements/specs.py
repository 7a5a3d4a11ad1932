"""Work specs: everything about the work except the pictures, complete and checked before any are chosen."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext

from product_imagery.exceptions import OptionError, RequestError
from product_imagery.models import Enhancement, Preset, ProviderCredential
from product_imagery.provider_kit.contract import SANDBOX, Offer
from product_imagery.provider_kit.registry import get_offer, get_provider


@dataclass(frozen=True)
class WorkSpec:
    """Operation, cleaned options, credential and offer: made by ``spec_of_preset`` or ``spec_of_operation``.

    ``is_test``: tried out with a test key, by the local engine. ``is_sandbox``: in the provider's sandbox.
    """

    operation: str
    options: dict[str, Any]
    credential: ProviderCredential
    offer: Offer
    preset: Preset | None = None
    is_test: bool = False
    is_sandbox: bool = False

    @property
    def cost_each(self) -> Decimal:
        """Cost of one picture in the provider's currency; in a sandbox it is 0."""
        return Decimal(0) if self.is_sandbox else self.credential.cost_of(self.operation, self.offer, self.options)

    @property
    def variants(self) -> int:
        """Number of results for each picture, of which a person chooses one."""
        return int(self.options.get("variants", 1))


def spec_of_preset(
    name: str, overrides: Mapping[str, Any] | None = None, credential: ProviderCredential | None = None
) -> WorkSpec:
    """Return the work spec of a preset, with some options changed.

    The account is ``credential``, else the preset's own, else one at the preset's provider. Raises ``RequestError``.
    """
    preset = _preset(name)
    chosen = credential or preset.credential or _usable(preset.provider)
    return spec_of_operation(preset.operation, {**preset.options, **(overrides or {})}, chosen, preset)


def spec_of_operation(
    operation: str,
    options: Mapping[str, Any],
    credential: ProviderCredential | None = None,
    preset: Preset | None = None,
) -> WorkSpec:
    """Return the work spec of an operation with options; without an account, for the local engine.

    Raises ``RequestError``, also for an option that the provider does not honour.
    """
    chosen = credential or _usable("local")
    if not chosen.is_active:
        raise RequestError(
            gettext("The account “%(account)s” is switched off.") % {"account": chosen}, code="credential_off"
        )
    offer = get_offer(get_provider(chosen.provider), operation)
    return WorkSpec(operation, offer.clean(options), chosen, offer, preset, is_sandbox=chosen.environment == SANDBOX)


def spec_of_request(
    spec: WorkSpec | None,
    preset: str,
    operation: str,
    options: Mapping[str, Any] | None,
    credential: ProviderCredential | str | None,
) -> WorkSpec:
    """Return ``spec``, or else the one of a preset or an operation. Raises ``RequestError`` for none and for several.

    ``credential`` may be given by its label.
    """
    if [bool(spec), bool(preset), bool(operation)].count(True) != 1 or (spec and (options or credential)):
        raise RequestError(
            gettext("Give either a preset or an operation, with options and credential."), code="bad_work"
        )
    if spec:
        return spec
    chosen = credential_of(credential) if isinstance(credential, str) else credential
    if preset:
        return spec_of_preset(preset, options, chosen)
    return spec_of_operation(operation, options or {}, chosen)


def credential_of(label: str) -> ProviderCredential | None:
    """Return the credential with this label, none for an empty one. Raises ``RequestError``."""
    if not label:
        return None
    found = ProviderCredential.objects.filter(label=label).first()
    if found is None:
        raise RequestError(gettext("There is no credential “%(label)s”.") % {"label": label}, code="unknown_credential")
    return found


def spec_of_enhancement(enhancement: Enhancement) -> WorkSpec:
    """Return the work spec of an accepted enhancement. Raises ``RequestError`` when its provider is gone."""
    chosen = enhancement.credential
    offer = get_offer(get_provider(chosen.provider), enhancement.operation)
    trial = {"is_test": enhancement.is_test, "is_sandbox": enhancement.is_sandbox}
    return WorkSpec(enhancement.operation, enhancement.options, chosen, offer, enhancement.preset, **trial)


def spec_for_test_key(
    options: Mapping[str, Any],
    *,
    preset: str = "",
    operation: str = "",
    credential: ProviderCredential | None = None,
) -> WorkSpec:
    """Return the work spec for a test key: done by the local engine, without the options that it does not honour.

    Raises ``RequestError`` for everything that the provider itself would refuse.
    """
    known = _preset(preset) if preset else None
    slug = credential.provider if credential else known.provider if known else "local"
    wanted = known.operation if known else operation
    cleaned = get_offer(get_provider(slug), wanted).clean({**(known.options if known else {}), **options})
    local = _usable("local")
    offer = get_offer(get_provider(local.provider), wanted)
    honoured = cleaned if slug == "local" else fitting(offer, cleaned)
    return WorkSpec(wanted, offer.clean(honoured), local, offer, known, is_test=True)


def fitting(offer: Offer, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options that an offer accepts, cleaned."""
    fitting = {}
    for option in offer.options:
        with suppress(KeyError, OptionError):
            fitting[option.name] = option.clean(options[option.name])
    return fitting


def _preset(name: str) -> Preset:
    """Return the active preset of this name. Raises ``RequestError``, naming those that there are."""
    preset = Preset.objects.select_related("credential").filter(name=name, is_active=True).first()
    if preset is None:
        known = ", ".join(Preset.objects.filter(is_active=True).values_list("name", flat=True))
        raise RequestError(
            gettext("There is no preset “%(name)s”. There are: %(known)s.")
            % {"name": name, "known": known or gettext("none")},
            code="unknown_preset",
        )
    return preset


def _usable(provider: str) -> ProviderCredential:
    """Return a usable account at a provider. Raises ``RequestError``."""
    credential = ProviderCredential.objects.for_provider(provider)
    if credential is None:
        label = get_provider(provider).label
        raise RequestError(
            gettext("There is no usable account at %(label)s. Add one in the admin.") % {"label": label},
            code="no_credential",
        )
    return credential
