"""The run page over HTTP: numbers, reasons, groups of failures, decisions, tiles, and polls that send what changed."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from product_imagery.flows.previews import SIDE
from product_imagery.flows.results import review
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    Preparation,
    ProviderCredential,
    ProviderJob,
    ResultImage,
)
from product_imagery.models.db_time import from_now
from product_imagery.states import JobState, Publication
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

Person = Callable[..., Client]


def _address(enhancement: Enhancement) -> str:
    return reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])


def _text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def _versions(page: str) -> str:
    return ",".join(
        f"{name}:{version}" for name, version in re.findall(r'id="run-(\w+)"[^>]* data-version="(\w+)"', page)
    )


def _poll(client: Client, enhancement: Enhancement, page: str, tiles: str = "") -> Any:
    query = {"part": "live", "parts": _versions(page), "tiles": tiles}
    return client.get(_address(enhancement), query)


def _many(enhancement: Enhancement, number: int, **fields: Any) -> None:
    """Add items to an enhancement."""
    one = EnhancementItem.objects.filter(enhancement=enhancement)[0]
    EnhancementItem.objects.bulk_create(
        EnhancementItem(
            enhancement=enhancement,
            job=one.job,
            content_type=one.content_type,
            object_id=str(n),
            label=f"n{n}",
            **fields,
        )
        for n in range(number)
    )


def test_the_title_is_the_look(make_product: Any, enlarge: Any, person: Person) -> None:
    enhancement = enlarge(make_product(), make_product())
    page = person("*").get(_address(enhancement)).content.decode()
    assert f"<h1>{enhancement.get_operation_display().capitalize()}, 2 products</h1>" in page
    assert f"#{enhancement.pk}" in page
    listed = person("*").get(reverse("admin:product_imagery_enhancement_changelist")).content.decode()
    assert str(enhancement) in listed
    assert f"#{enhancement.pk}" in listed


def test_a_poll_sends_only_what_has_changed(make_product: Any, enlarge: Any, work: Any, person: Person) -> None:
    client, enhancement = person("*"), enlarge(make_product("Red"), make_product("Blue", content=b"x"))
    page = client.get(_address(enhancement)).content.decode()
    states = ",".join(f"{pk}:{state}" for pk, state in re.findall(r'id="tile-(\d+)".*?data-state="(\w+)"', page))
    assert states.count("queued") == 2
    unchanged = _poll(client, enhancement, page, states)
    assert (unchanged.status_code, unchanged["X-Imagery-Part"]) == (204, "live")
    work()
    fresh = _poll(client, enhancement, page, states)
    content = fresh.content.decode()
    assert fresh["X-Imagery-Part"]
    assert set(re.findall(r'data-state="(\w+)"', content)) == {"review", "failed"}
    assert {"run-summary", "run-problems", "run-filters"} == set(
        re.findall(r'<div id="([\w-]+)" class="run-part"', content)
    )
    assert "<html" not in content
    assert 'data-active="0"' in content


def test_a_poll_of_somebody_who_is_logged_out_has_no_mark(make_product: Any, enlarge: Any) -> None:
    response = Client().get(_address(enlarge(make_product())), {"part": "live"}, follow=True)
    assert "X-Imagery-Part" not in response


def test_odd_polls_are_no_errors(make_product: Any, enlarge: Any, person: Person) -> None:
    client, enhancement = person("*"), enlarge(make_product())
    for query in ("part=live&parts=x&tiles=a:b,:,9:,²:queued", "part=tiles&after=²", "state=none&after=-1", "part=no"):
        assert client.get(f"{_address(enhancement)}?{query}").status_code == 200


def test_tiles_come_sixty_at_a_time_and_by_state(make_product: Any, enlarge: Any, person: Person) -> None:
    client, enhancement = person("*"), enlarge(make_product())
    _many(enhancement, 100, status="failed", finished_at=from_now(0), error_code="storage")
    page = client.get(_address(enhancement)).content.decode()
    assert page.count('class="run-tile ') == 60
    more = re.search(r'hx-get="([^"]+)"', page)
    assert more is not None
    rest = client.get(_address(enhancement) + more[1].replace("&amp;", "&"))
    assert rest.content.decode().count('class="run-tile ') == 41
    assert "run-more" not in rest.content.decode()
    opened = client.get(_address(enhancement), {"state": "open"}).content.decode()
    assert opened.count('class="run-tile ') == 1
    assert client.get(_address(enhancement), {"reason": "storage"}).content.decode().count('class="run-tile ') == 60
    assert client.get(_address(enhancement), {"reason": "other"}).content.decode().count('class="run-tile ') == 0


def test_each_state_of_a_result_is_a_filter(make_product: Any, enlarge: Any, work: Any, person: Person) -> None:
    client, enhancement = person("*"), enlarge(*[make_product(sku=f"n{k}") for k in range(3)])
    work()
    first, second, _third = ResultImage.objects.order_by("pk")
    review.approve(first, actor=None, publish=True)
    ResultImage.objects.update(publish_after=None)
    work()
    review.reject(second, actor=None)
    for state, number in {"review": 1, "published": 1, "approved": 0, "conflict": 0, "all": 3}.items():
        page = client.get(_address(enhancement), {"state": state}).content.decode()
        assert page.count('class="run-tile ') == number, state
    assert "run-tile--rejected" in client.get(_address(enhancement)).content.decode()


def test_a_tile_opens_the_review_of_its_picture(make_product: Any, enlarge: Any, work: Any, person: Person) -> None:
    client, enhancement = person("*"), enlarge(make_product("Bad", content=b"x"), make_product("Good"))
    work()
    result = ResultImage.objects.get()
    page = client.get(_address(enhancement)).content.decode()
    link = re.search(r'<a href="([^"]+/review/[^"]+focus=[^"]+)"', page)
    assert link is not None
    assert link[1].endswith(f"focus={result.pk}")
    assert "Good" in client.get(link[1].replace("&amp;", "&")).content.decode()


def test_refused_publications_are_grouped_by_reason(make_product: Any, enlarge: Any, work: Any, person: Person) -> None:
    enhancement = enlarge(*(make_product(f"P{n}") for n in range(3)))
    work()
    refused = {"review": "approved", "publication": Publication.CONFLICT}
    first, *others = ResultImage.objects.order_by("pk").values_list("pk", flat=True)
    ResultImage.objects.filter(pk=first).update(publication_note="The shop wants a square picture.", **refused)
    ResultImage.objects.filter(pk__in=others).update(publication_note="The product was changed.", **refused)
    client, address = person("*"), reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    page = _text(client.get(_address(enhancement)))
    assert "2 The product was changed. 1 The shop wants a square picture." in page
    assert f'href="{address}?show=refused"' in client.get(_address(enhancement)).content.decode()
    listed = client.get(reverse("admin:product_imagery_enhancement_changelist")).content.decode()
    assert f'<a href="{address}?show=refused">3 not published</a>' in listed
    ResultImage.objects.update(publication=Publication.NONE)
    listed = client.get(reverse("admin:product_imagery_enhancement_changelist")).content.decode()
    assert "not published</a>" not in listed


def test_failures_are_grouped_and_one_group_is_tried_again(make_product: Any, enlarge: Any, person: Person) -> None:
    client, enhancement = person("*"), enlarge(*[make_product(sku=f"n{k}") for k in range(5)])
    ProviderJob.objects.update(state="failed", finished_at=from_now(0))
    ended = {"status": "failed", "active_key": None, "finished_at": from_now(0)}
    EnhancementItem.objects.update(**ended, error_code="storage", error_message="There is no room.")
    chosen = EnhancementItem.objects.filter(pk__in=list(EnhancementItem.objects.values_list("pk", flat=True)[:2]))
    chosen.update(error_code="not_an_image", error_message="This is not a picture.")
    Enhancement.objects.update(status="failed", finished_at=from_now(0))
    page = _text(client.get(_address(enhancement)))
    assert "3 There is no room." in page
    assert "2 This is not a picture." in page
    assert "another picture" in page
    assert "Try these 3 again" in page
    done = client.post(_address(enhancement), {"retry_reason": "storage"}, follow=True)
    assert "3 pictures are tried again." in _text(done)
    assert EnhancementItem.objects.filter(status="queued").count() == 3
    assert set(EnhancementItem.objects.filter(status="failed").values_list("error_code", flat=True)) == {"not_an_image"}


def test_trying_one_group_again_needs_the_permissions(
    make_product: Any, enlarge: Any, work: Any, person: Person
) -> None:
    enhancement = enlarge(make_product(content=b"x"))
    work()
    for names in (("view_product", "cancel_enhancement"), ("view_product", "start_enhancement")):
        client = person(*names)
        assert 'name="retry_reason"' not in client.get(_address(enhancement)).content.decode()
        assert client.post(_address(enhancement), {"retry_reason": "not_an_image"}).status_code == 403


def test_a_pause_is_shown_and_ended_here(make_product: Any, enlarge: Any, person: Person) -> None:
    enhancement = enlarge(make_product())
    ProviderCredential.objects.get().pause("The balance is used up.", stops_reads=False)
    looker = person("view_product", "view_enhancement")
    page = looker.get(_address(enhancement)).content.decode()
    assert "The balance is used up." in page
    assert "1 picture waits for it" in page
    assert 'name="resume"' not in page
    account = ProviderCredential.objects.get().pk
    assert looker.post(_address(enhancement), {"resume": account}).status_code == 403
    keeper = person("view_product", "view_enhancement", "change_providercredential")
    assert 'name="resume"' in keeper.get(_address(enhancement)).content.decode()
    keeper.post(_address(enhancement), {"resume": account})
    assert ProviderCredential.objects.get().paused_at is None


def test_what_was_left_out_is_counted_with_reasons(make_product: Any, enlarge: Any, person: Person) -> None:
    enhancement = enlarge(make_product())
    Enhancement.objects.update(omitted={"no_picture": 12, "done_before": 3})
    page = _text(person("*").get(_address(enhancement)))
    assert "15 pictures of the selection were left out" in page
    assert "12 products have no picture" in page
    assert "Show them" not in page  # an enhancement of an earlier version knows only numbers


def test_pictures_appear_while_they_are_prepared(make_product: Any, enlarge: Any, person: Person) -> None:
    client, enhancement = person("*"), enlarge(make_product())
    Preparation.objects.create(enhancement=enhancement, kind=Preparation.Kind.START, left=300)
    page = client.get(_address(enhancement)).content.decode()
    assert "Being prepared: 300 pictures" in page
    more = re.search(r'hx-get="([^"]+)" hx-trigger="imagery:poll"', page)
    assert more is not None
    address = _address(enhancement) + more[1].replace("&amp;", "&")
    assert 'class="run-tile ' not in client.get(address).content.decode()
    _many(enhancement, 2)
    assert client.get(address).content.decode().count('class="run-tile ') == 2
    Preparation.objects.all().delete()
    assert "run-more" not in client.get(address).content.decode()


def test_published_pictures_can_be_taken_back_from_here(
    make_product: Any, enlarge: Any, work: Any, person: Person
) -> None:
    enhancement = enlarge(make_product(), auto_approve=True)
    work()
    address = reverse("admin:product_imagery_imageversion_changelist") + f"?enhancement={enhancement.pk}"
    assert address in person("*").get(_address(enhancement)).content.decode()
    assert address not in person("view_product", "view_enhancement").get(_address(enhancement)).content.decode()
    assert "Red bottle" in person("*").get(address).content.decode()


def test_money_is_shown_to_those_who_may_see_it(account: Account, order: Order, fakes: Fakes, person: Person) -> None:
    enhancement = order(account("productai"), 2)
    page = _text(person("*").get(_address(enhancement)))
    assert "used, 6 reserved" in page
    assert "reserved" not in _text(person("view_product", "view_enhancement").get(_address(enhancement)))
    hurry()
    page = _text(person("*").get(_address(enhancement)))
    assert re.search(r"\b6 \w+ used", page)


@pytest.fixture
def lost_at_paqshot(account: Account, order: Order, fakes: Fakes) -> ProviderJob:
    """A job whose create was accepted without a response; Paqshot's list shows it."""
    order(account("paqshot"))
    fakes.fail("paqshot.create", "lose")
    hurry()
    return ProviderJob.objects.get(state=JobState.STALLED)


def _candidate(job: ProviderJob, remote_id: str) -> str:
    return reverse("admin:product_imagery_providerjob_candidate", args=[job.pk]) + f"?id={remote_id}"


@pytest.mark.django_db
class TestDecisions:
    """A lost call is decided where it is seen."""

    def test_a_candidate_is_chosen_on_the_page(self, stalled: ProviderJob, person: Person, fakes: Fakes) -> None:
        remote_id = fakes.created[0].id
        ProviderJob.objects.update(remembered={**stalled.remembered, "candidates": f"{remote_id}\nother"})
        looker = person("view_product", "cancel_enhancement")
        address = _address(stalled.enhancement)
        page = looker.get(address).content.decode()
        assert "Can decide what became of a lost request" in page
        assert 'name="candidate"' not in page
        client = person("*")
        page = client.get(address).content.decode()
        assert f'name="candidate" value="{remote_id}"' in page
        assert "Red bottle" in page
        decide = reverse("admin:product_imagery_providerjob_decide", args=[stalled.pk])
        assert looker.post(decide, {"candidate": remote_id}).status_code == 403
        assert client.post(decide, {"candidate": remote_id, "enhancement": stalled.enhancement_id}).url == address
        hurry()
        stalled.refresh_from_db()
        assert stalled.state == JobState.DONE
        assert "Decide about lost calls" not in client.get(address).content.decode()

    def test_candidates_are_shown_with_their_pictures_and_times(
        self, lost_at_paqshot: ProviderJob, person: Person, fakes: Fakes
    ) -> None:
        client, remote_id = person("*"), fakes.created[0].id
        page = client.get(_address(lost_at_paqshot.enhancement)).content.decode()
        assert remote_id in page
        assert re.search(r'<time datetime="[^"]+">\d{4}-\d\d-\d\d \d\d:\d\d:\d\d</time>', page)
        assert fakes.base not in page  # the picture is ours
        picture = _candidate(lost_at_paqshot, remote_id)
        assert picture in page
        looker = person("view_product", "cancel_enhancement")
        assert looker.get(picture).status_code == 403
        shown = client.get(picture)
        assert shown["Content-Type"] == "image/webp"
        with Image.open(io.BytesIO(shown.content)) as image:
            assert max(image.size) <= SIDE
        before = len(fakes.calls)
        assert client.get(picture).content == shown.content
        assert len(fakes.calls) == before  # kept
        assert client.get(_candidate(lost_at_paqshot, "another")).status_code == 404

    def test_a_candidate_without_a_picture_says_so(
        self, lost_at_paqshot: ProviderJob, person: Person, fakes: Fakes
    ) -> None:
        lost_at_paqshot.remembered |= {"candidates": "gen_1\ngen_2\thttps://10.0.0.1/secret.png\t"}
        lost_at_paqshot.save()
        client = person("*")
        page = client.get(_address(lost_at_paqshot.enhancement)).content.decode()
        assert page.count("tells no address of its picture") == 1
        assert client.get(_candidate(lost_at_paqshot, "gen_1")).status_code == 404
        shown = client.get(_candidate(lost_at_paqshot, "gen_2"))
        assert shown["Content-Type"] == "image/svg+xml"  # an address inside the network is not fetched

    def test_a_decision_about_many_is_made_by_their_pictures(
        self, lost_at_paqshot: ProviderJob, person: Person, fakes: Fakes
    ) -> None:
        credential = lost_at_paqshot.credential
        alike = {"enhancement": lost_at_paqshot.enhancement, "credential": credential, "provider": credential.provider}
        alike |= {"operation": lost_at_paqshot.operation, "state": JobState.STALLED}
        without = ProviderJob.objects.bulk_create(ProviderJob(**alike) for _ in range(12))
        sent = {"action": "send_again_selected", "_selected_action": [job.pk for job in (*without, lost_at_paqshot)]}
        client = person("*")
        page = client.post(reverse("admin:product_imagery_providerjob_changelist"), sent).content.decode()
        (source,) = re.findall(r'src="([^"]+small-copy[^"]+)"', page)
        assert client.get(source)["Content-Type"] == "image/webp"
        assert lost_at_paqshot.items.get().label in page
        assert _candidate(lost_at_paqshot, fakes.created[0].id) in page  # the call with a candidate comes first
        assert 'name="candidate"' not in page  # one is chosen on the page of a call
        assert "and 1 more request" in page

    def test_the_form_on_the_page_of_the_job_stands_in_a_block_of_every_theme(
        self, stalled: ProviderJob, person: Person
    ) -> None:
        page = reverse("admin:product_imagery_providerjob_change", args=[stalled.pk])
        text = person("*").get(page).content.decode()
        assert (
            text.index('<div id="content"') < text.index("Decide about this request") < text.index('id="content-main"')
        )


def test_the_queries_do_not_grow_with_the_pictures(make_product: Any, enlarge: Any, work: Any, person: Person) -> None:
    client, enhancement = person("*"), enlarge(make_product(), make_product(content=b"x"))
    work()
    Enhancement.objects.update(status="processing", finished_at=None)

    def queries() -> list[int]:
        counts = []
        page = client.get(_address(enhancement)).content.decode()
        for query in ("", "?part=tiles", f"?part=live&parts={_versions(page)}"):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(_address(enhancement) + query).status_code in (200, 204)
            counts.append(len(captured))
        return counts

    _many(enhancement, 1)
    few = queries()
    _many(enhancement, 500, status="failed", finished_at=from_now(0), error_code="storage")
    _many(enhancement, 500)
    assert queries() == few
