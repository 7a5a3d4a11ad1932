"""Every text of every page is translated: in a pseudo-language, all messages stand in double brackets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from product_imagery.models import (
    ApiKey,
    Collection,
    EventDelivery,
    ProviderCredential,
    ResultImage,
    Upload,
    WebhookDelivery,
    WebhookEndpoint,
    WorkerTrouble,
)
from tests.admin.pages import read_text
from tests.languages.messages import Message, messages_of, mo_of, read_po
from tests.languages.names import PATTERN, SKIPPED, names_of_rows, names_of_shop
from tests.languages.visible import pseudo, untranslated
from tests.workbench.page import Page
from tests.workbench.shop import build

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

Person = Callable[..., Client]
_CODE = "xx"
_HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
_NOT_A_TEXT = "yes,no,maybe"  #: three words in one message
_REVIEW = "admin:product_imagery_enhancement_review"
_OF_SHOP = ("approvalrule", "add-approvalrule", "one-approvalrule", "start", "products", "one-product", "one-gallery")


def _django_messages() -> Iterator[Message]:
    for path in Path(django.__file__).parent.rglob("locale/en/LC_MESSAGES/django.po"):
        yield from (entry.message for entry in read_po(path)[1])


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: Any) -> Path:
    """A folder with a catalogue in which every message of ours and of Django's is translated."""
    folder: Path = tmp_path_factory.mktemp("locale")
    path = folder / _CODE / "LC_MESSAGES" / "django.mo"
    path.parent.mkdir(parents=True)
    messages = {*_django_messages(), *messages_of()}
    texts = {one: [pseudo(text) for text in (one.text, one.plural) if text] for one in messages}
    path.write_bytes(mo_of(_HEADER, {one: forms for one, forms in texts.items() if one.text != _NOT_A_TEXT}))
    return folder


@pytest.fixture(autouse=True)
def _speaking_pseudo(settings: Any, catalogue: Path) -> None:
    settings.LOCALE_PATHS = [catalogue]
    settings.LANGUAGE_CODE = _CODE


def _found(name: str, response: Any) -> set[str]:
    """Return the texts of a page that are not translated."""
    if response.status_code == 403 or not response["Content-Type"].startswith("text/html"):
        return set()
    names = names_of_rows()
    if name.startswith(_OF_SHOP):
        names |= names_of_shop()
    return {f"{name}: {one}" for one in untranslated(response.content.decode(), names, PATTERN, SKIPPED)}


def _on_pages(client: Client, pages: list[Page]) -> set[str]:
    """Return the texts of pages that are not translated."""
    found: set[str] = set()
    for page in pages:
        response = client.get(page.path, follow=True)
        assert response.status_code in (200, 403), (page, response.status_code)
        found |= _found(page.name, response)
    return found


def _after_every_button(client: Client, page: Page) -> set[str]:
    """Send the forms of a page by each of its buttons, also as its script does, and run each action of a list."""
    shown = client.get(page.path, follow=True).content.decode()
    form = read_text(shown)
    sent = [{**form.values, name: button.get("value") or ""} for name, button in form.buttons.items()]
    rows = re.findall(r'name="_selected_action" value="([^"]+)"', shown)
    actions = re.findall(r'<option value="(\w+)">', shown.partition('name="action"')[2].partition("</select>")[0])
    sent += [{"action": action, "_selected_action": rows} for action in actions]
    if "_save" in form.values and not rows:
        kept = {name: value for name, value in form.values.items() if name.endswith("_FORMS")}
        sent += [form.values, {**dict.fromkeys(form.values, ""), **kept}]
    scripted = [{}, {"HX-Request": "true"}] if "hx-post" in shown else [{}]
    found: set[str] = set()
    for values in sent:
        for headers in scripted:
            found |= _found(page.name, client.post(page.path, values, follow=True, headers=headers))
    return found


def _pages_of_models(client: Client) -> list[Page]:
    """Return list, forms, history and deletion of each of our models, as far as there are rows."""
    pages = []
    for model in admin.site._registry:
        name, first = f"admin:product_imagery_{model._meta.model_name}", model._default_manager.first()
        if model._meta.app_label == "product_imagery":
            parts = [("changelist", []), ("add", [])]
            parts += [(part, [first.pk]) for part in ("change", "history", "delete")] if first else []
            pages += [
                Page(f"{model._meta.model_name}-{part}", reverse(f"{name}_{part}", args=of)) for part, of in parts
            ]
    pages.append(Page("app", reverse("admin:app_list", args=["product_imagery"])))
    pages += [Page(name, reverse(f"product_imagery:{name}")) for name in ("docs", "swagger", "redoc")]
    return [*pages, Page("home", reverse("admin:product_imagery_home")), Page("review", reverse(_REVIEW))]


def _add_rows() -> None:
    """Add a row to each model that the workbench leaves empty."""
    owner = get_user_model().objects.get()
    key = ApiKey(owner=owner, name="PIM", scopes=["read", "review"])
    key.seal()
    key.save()
    result = ResultImage.objects.first()
    Collection.objects.create(owner=owner, name="Summer").results.set([result] if result else [])
    endpoint = WebhookEndpoint.objects.create(owner=owner, url="https://pim.example/hook", events=["image.published"])
    EventDelivery.objects.create(endpoint=endpoint, kind="image.published", body="{}")
    WebhookDelivery.objects.create(credential=ProviderCredential.objects.get(label="Paqshot"), body=b"{}")
    WorkerTrouble.objects.note("machine-1", "clear up", "OSError")
    Upload.objects.create(owner=owner, name="Uploaded bottle", source="a.jpg", source_url="https://pim.example/a.jpg")


def test_every_text_of_a_busy_shop_is_translated(person: Person) -> None:
    session, pages = build(side=96)
    _add_rows()
    ProviderCredential.objects.exclude(provider="local").update(base_url="http://127.0.0.1:9")  # no call leaves
    client = Client()
    client.cookies["sessionid"] = session
    pages = [page for page in pages if not page.name.startswith("storefront")] + _pages_of_models(client)
    found = _on_pages(client, pages)
    found |= _on_pages(person("view_enhancement", "view_product", "view_preset", "view_providercredential"), pages)
    for page in pages:
        if not page.name.endswith("-delete"):
            found |= _after_every_button(client, page)
    assert not found, "\n".join(sorted(found))


def test_every_text_of_an_empty_shop_is_translated(person: Person) -> None:
    client = person("*")
    found = _on_pages(client, _pages_of_models(client))
    assert not found, "\n".join(sorted(found))


def test_a_text_without_a_mark_is_found() -> None:
    page = '<p title="⟦Once⟧">⟦Made for ⟧Mug<b>⟦ twice⟧</b> <i>again</i></p><input type="submit" value="Go on">'
    found = untranslated(page, ["Mug"], PATTERN, SKIPPED)
    assert found == ["p > i: again", "input[value]: Go on"]
    assert pseudo("%(n)s of <b>%(all)s</b> done") == "%(n)s⟦ of ⟧<b>%(all)s</b>⟦ done⟧"
