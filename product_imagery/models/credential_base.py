"""The account of a credential: its provider, name and base URL."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.conf import get_settings
from product_imagery.provider_kit.contract import Provider
from product_imagery.provider_kit.registry import get_provider, provider_choices

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class CredentialBase(models.Model):
    """Provider, name and base URL of a credential."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(_("provider"), max_length=40, choices=provider_choices)
    label = models.CharField(_("name"), max_length=80, unique=True)
    base_url = models.CharField(
        _("base address"), max_length=200, blank=True, validators=[URLValidator(schemes=["https", "http"])]
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return gettext(self.label)

    @property
    def declared(self) -> type[Provider]:
        """Class of this credential's provider."""
        return get_provider(self.provider)

    def address(self) -> str:
        """Return the base URL of the provider's API."""
        return self.base_url or self.declared.base_url

    def clean(self) -> None:
        """Refuse a missing base URL, and one without TLS. Raises ``ValidationError``."""
        super().clean()
        if self.declared.own_address and not self.base_url:
            needed = _("%(label)s has no address that is the same for everybody: enter yours, as in %(sample)s.")
            facts = {"label": self.declared.label, "sample": self.declared.base_url}
            raise ValidationError({"base_url": needed % facts})
        parts = urlsplit(self.base_url)
        here = parts.hostname in _LOOPBACK or parts.netloc in get_settings().fetch_allow
        if self.base_url and parts.scheme != "https" and not here:
            raise ValidationError({"base_url": _("The key would travel in the clear: write an https address.")})
