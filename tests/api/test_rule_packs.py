"""Rule packs by API: the list, the pack of a preset, and the findings of a generation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from product_imagery.models import Preset
from product_imagery.rules.packs import packs
from tests.rules.wrong_files import Shot


def test_the_packs_are_listed_with_date_and_source(caller: Any) -> None:
    listed = {one["id"]: one for one in caller().get("rule-packs").json()["rule_packs"]}
    assert listed.keys() == packs().keys()
    assert listed["walmart"]["name"] == "Walmart"
    assert listed["walmart"]["checked_on"] == packs()["walmart"].checked_on.isoformat()
    assert listed["etsy"]["official"] is False


def test_presets_name_their_pack(caller: Any) -> None:
    rules = {one["id"]: one["rules"] for one in caller().get("presets").json()["presets"]}
    assert (rules["amazon"], rules["white"]) == ("amazon_main", "")


def test_a_generation_has_its_findings(caller: Any, make_product: Any, work: Any, tmp_path: Path) -> None:
    fields = {"label": "Larger", "operation": "upscale", "options": {"factor": "2"}}
    Preset.objects.create(name="larger-otto", rules="otto", **fields)
    one = caller()
    for preset in ("larger-otto", "larger"):
        product = make_product(content=Shot((500, 500), fill=0.5).write(tmp_path).read_bytes())
        body = {"preset": preset, "images": [{"product": f"shop.product:{product.pk}"}]}
        assert one.post("enhancements", body).status_code == 202
    work()
    plain, judged = sorted(one.get("generations").json()["generations"], key=lambda found: bool(found["rules"]))
    assert plain["rules"] is None
    assert (judged["rules"]["pack"], judged["warnings"]) == ("otto", ["breaks_rules"])
    (broken,) = [found for found in judged["rules"]["findings"] if found["level"] == "fail"]
    assert (broken["rule"], broken["asked"]) == ("fill", 0.85)
    assert broken["sentence"].endswith("Required: at least 85 %.")
