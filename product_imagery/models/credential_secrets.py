"""Secrets of a credential: the key, and other secrets that its provider declares."""

from __future__ import annotations

import time
from contextlib import suppress

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.conf import get_settings
from product_imagery.encryption import Secret, seal, sealed_at, unseal
from product_imagery.exceptions import SecretError
from product_imagery.models.credential_base import CredentialBase

KEY = "key"  #: name of the secret that every hosted provider has
OVERLAP = 7 * 86_400  #: seconds for which webhooks with the former secret or to the former URL are still accepted


class CredentialSecrets(CredentialBase):
    """Encrypted secrets. ``sealed``: lists of ciphertexts by name of the secret, newest first."""

    sealed = models.JSONField(default=dict, editable=False)

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse a base URL other than that of the key in the settings. Raises ``ValidationError``."""
        super().clean()
        try:
            self._given_in_settings(KEY)
        except SecretError as error:
            raise ValidationError({"base_url": error.message}) from error

    @property
    def secret_names(self) -> list[str]:
        """Names of all secrets that the provider declares, the key first."""
        return [KEY, *(field.name for field in self.declared.fields if field.secret)]

    def secrets(self, name: str = KEY) -> tuple[Secret, ...]:
        """Return the valid secrets ``name``: the one in the settings, or else the stored ones, newest first.

        A former secret is valid for ``OVERLAP`` seconds after it was replaced. Raises ``SecretError`` for a secret that
        was entered for another provider or base URL: editing the row must not send it to another host.
        """
        given = self._given_in_settings(name)
        if given:
            return (Secret(given.strip()),)
        tokens = self.sealed.get(name, [])
        found = [unseal(token, self._place(name)) for token in tokens[:1]]
        if len(tokens) > 1 and time.time() - sealed_at(tokens[0]) < OVERLAP:
            with suppress(SecretError):  # an unreadable former secret may be the reason why it was replaced
                found += [unseal(token, self._place(name)) for token in tokens[1:]]
        return tuple(found)

    def secret(self, name: str = KEY) -> Secret:
        """Return the newest secret ``name``; empty if there is none. Raises ``SecretError``."""
        return next(iter(self.secrets(name)), Secret(""))

    def set_secret(self, value: str, name: str = KEY) -> None:
        """Replace a secret; the former one stays valid for ``OVERLAP`` seconds. The caller saves ``sealed``.

        The ciphertext is bound to ``provider`` and ``base_url``, so set these first.
        """
        self.sealed = {**self.sealed, name: [seal(value.strip(), self._place(name)), *self.sealed.get(name, [])[:1]]}

    def hint(self, name: str = KEY) -> str:
        """Return ``••••`` and the last four characters; a dash without a secret; a sentence for an unreadable one."""
        try:
            found = self.secret(name)
        except SecretError:
            return str(_("unreadable: enter it again"))
        return found.hint if found else "–"

    @property
    def environment(self) -> str:
        """``sandbox`` or ``live`` if the key shows it; empty otherwise, and for a key that cannot be decrypted."""
        with suppress(SecretError):
            return self.declared().environment(self.secret().reveal())
        return ""

    def _given_in_settings(self, name: str) -> str:
        own = get_settings().keys.get(self.label)
        if own is None:
            return ""
        address = own.get("base_url") or self.declared.base_url
        if own["provider"] != self.provider or address.rstrip("/") != self.address().rstrip("/"):
            sentence = gettext(
                "The settings hold the key of “%(label)s” for %(provider)s at %(place)s. It is not sent to "
                "%(address)s: correct KEYS or the base address."
            ) % {
                "label": self.label,
                "provider": own["provider"],
                "place": own.get("base_url") or gettext("its documented address"),
                "address": self.address(),
            }
            raise SecretError(sentence, code="secret_elsewhere")
        return str(own.get(name, ""))

    def _place(self, name: str) -> str:
        return f"credential/{self.uuid}/{self.provider}/{self.base_url}/{name}"
