"""Manage accounts at providers."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError
from product_imagery.flows.hosted import credentials
from product_imagery.management.base import ImageryCommand, find_credential, pairs
from product_imagery.models import ProviderCredential
from product_imagery.models.credential_secrets import KEY
from product_imagery.provider_kit.contract import Provider
from product_imagery.provider_kit.registry import get_provider
from product_imagery.public_urls import webhook_address


class Command(ImageryCommand):
    """Reads keys from an environment variable, a pipe or a prompt, never from arguments, which other users can see."""

    help = "Add, list, check, pause and resume accounts; encrypt their keys again with the newest key."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add one sub-command for each step."""
        steps = parser.add_subparsers(dest="step", required=True)
        add = steps.add_parser("add", help="add an account, or give one a new key")
        add.add_argument("provider", help="one of those that imagery_providers prints")
        add.add_argument("label", help="name of the account")
        add.add_argument("--base-url", default="", help="base address of the API, if it is not the documented one")
        add.add_argument("--key-env", metavar="VAR", help="environment variable that holds the key")
        add.add_argument(
            "--secret-env", metavar="NAME=VAR", action="append", default=[], help="another secret of the account"
        )
        add.add_argument(
            "--reading",
            metavar="NAME=VALUE",
            action="append",
            default=[],
            help="how to read what the vendor's documentation leaves open",
        )
        self.add_json(steps.add_parser("list", help="all accounts"))
        check = steps.add_parser("check", help="ask the provider whether the key is valid")
        check.add_argument("label", nargs="?", help="of one account; default: all")
        for step, help in (("pause", "send nothing with it"), ("resume", "use it again")):
            steps.add_parser(step, help=help).add_argument("label", help="name of the account")
        steps.add_parser("rotate", help="encrypt stored keys again with the newest of SECRET_KEYS")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['step']}")(options)

    @transaction.atomic  # merchants could choose an account without a key
    def _add(self, options: dict[str, Any]) -> None:
        provider = get_provider(options["provider"])
        credential, made = ProviderCredential.objects.get_or_create(
            label=options["label"], defaults={"provider": provider.slug, "base_url": options["base_url"]}
        )
        if credential.provider != provider.slug:
            raise CommandError(f"“{credential}” is an account at {credential.declared.label}.")
        moved = bool(options["base_url"]) and options["base_url"] != credential.base_url
        credential.base_url = options["base_url"] or credential.base_url  # before the secrets, which are bound to it
        if provider.needs_credential and not (credential.label in get_settings().keys and not options["key_env"]):
            credential.set_secret(_key(options["key_env"], provider()))
        known = credentials.explain_fields(provider)
        given = {KEY, *(pair.partition("=")[0] for pair in options["secret_env"])}
        if moved and (left := sorted(credential.sealed.keys() - given)):
            raise CommandError(
                f"The address has changed: give these secrets again with --secret-env: {', '.join(left)}."
            )
        for pair in options["secret_env"]:
            name, _, variable = pair.partition("=")
            if name not in known:
                raise CommandError(f"{provider.label} has no secret “{name}”. It has: {', '.join(known) or 'none'}.")
            credential.set_secret(_from_environment(variable), name)
        credential.readings |= _readings(provider, options["reading"])
        try:
            credential.clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        credential.save()
        credentials.welcome_key(credential)
        self.stdout.write(f"{'Added' if made else 'Changed'}: {credential} ({credential.hint()}).")
        if provider.webhooks:
            address = webhook_address(credential.webhook_uuid) or "none, because PUBLIC_BASE_URL is not set"
            self.stdout.write(f"Address for webhooks: {address}")

    def _list(self, options: dict[str, Any]) -> None:
        facts = [
            {
                "label": credential.label,
                "provider": credential.provider,
                "key": credential.hint(KEY),
                "state": credential.paused_reason or ("in use" if credential.is_active else "switched off"),
                "balance": credential.balance,
                "webhook": webhook_address(credential.webhook_uuid) if credential.declared.webhooks else "",
            }
            for credential in ProviderCredential.objects.all()
        ]
        if options["json"]:
            self.print_json(facts)
        else:
            self.print_table(("label", "provider", "key", "state"), [list(fact.values())[:4] for fact in facts])

    def _check(self, options: dict[str, Any]) -> None:
        chosen = ProviderCredential.objects.all()
        if options["label"]:
            chosen = chosen.filter(pk=find_credential(options["label"]).pk)
        bad = 0
        for credential in chosen:
            try:
                self.stdout.write(f"{credential}: {credentials.check(credential)}")
            except ImageryError as error:
                bad += 1
                self.stdout.write(f"{credential}: {error.message}")
        if bad:
            raise CommandError(f"{bad} of {len(chosen)} accounts could not be confirmed.")

    def _pause(self, options: dict[str, Any]) -> None:
        find_credential(options["label"]).pause("paused by hand", stops_reads=True)
        self.stdout.write("Paused.")

    def _resume(self, options: dict[str, Any]) -> None:
        credentials.resume(find_credential(options["label"]))
        self.stdout.write("Resumed.")

    def _rotate(self, options: dict[str, Any]) -> None:
        done, unreadable = credentials.renew_encryption()
        self.stdout.write(f"The secrets of {done} accounts are encrypted with the newest key.")
        if unreadable:
            raise CommandError(f"These accounts cannot be decrypted, enter their keys again: {', '.join(unreadable)}.")


def _readings(provider: type[Provider], given: list[str]) -> dict[str, str]:
    known = {field.name: field.choices for field in provider.fields if field.choices}
    chosen = pairs(given)
    for name, value in chosen.items():
        if value not in known.get(name, ()):
            there = "; ".join(f"{name}={'|'.join(choices)}" for name, choices in known.items()) or "nothing"
            raise CommandError(f"{provider.label} leaves open: {there}. Not “{name}={value}”.")
    return chosen


def _key(variable: str | None, provider: Provider) -> str:
    if variable:
        key = _from_environment(variable)
    else:
        key = (getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not key:
        raise CommandError("No key was given. Name an environment variable with --key-env, or pipe the key in.")
    if fault := provider.fault_of_key(key):
        raise CommandError(fault)
    return key


def _from_environment(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise CommandError(f"The environment variable {variable} is empty.")
    return value
