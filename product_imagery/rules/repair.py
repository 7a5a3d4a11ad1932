"""Repair of a picture that breaks rules: a better copy, made without a model. Runs in an imaging process.

The product is never cut, painted over or distorted. What needs a person, a model or another photo stays as it is; the
copy is measured again, so the rules that it still breaks are known.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.encode import FORMATS, Encoded, on_white, write_picture
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.metadata import SourceType, mark_of
from product_imagery.rules.ground import Ground, darkest
from product_imagery.rules.judge import ratio_of
from product_imagery.rules.measure import measure
from product_imagery.rules.packs import Pack, Rule, pack_of
from product_imagery.texts import gettext_noop

STEPS = {
    "flattened": gettext_noop("transparency was laid on white"),
    "whitened": gettext_noop("the picture was brightened until its ground is white"),
    "framed": gettext_noop("the product was framed anew"),
    "enlarged": gettext_noop("the picture was enlarged"),
    "reduced": gettext_noop("the picture was made smaller"),
}

_LIGHT = 225  #: darkest channel of a ground that is made white: the product becomes brighter by an eighth at most
_DARKER = 0.02  #: share of the ground that may stay below white
_LARGEST = 2.0  #: factor up to which a picture is enlarged
_QUALITIES, _FINER = (92, 85, 75, 60), (96, 100)  #: of files that are too large, and of those that are too small
_WHITE = (255, 255, 255)

Rules = Mapping[str, Rule]


def repair(*, source: str, stem: str, pack: str, day: str, limits: dict[str, int]) -> dict[str, Any]:
    """Write a copy of ``source`` that breaks fewer rules of a pack on a day (ISO 8601), to ``stem`` with an ending.

    Returns its description (``file``), codes of what was done (``steps``), and the facts measured on it (``facts``).
    Raises ``PictureError`` for a picture that cannot be read.
    """
    path, chosen = Path(source), pack_of(pack)
    rules = chosen.rules_on(date.fromisoformat(day))
    opened = open_picture(path, Limits(**limits))
    format, steps = _format(opened.format, rules), list[str]()
    image = _framed(_on_white(opened.image, format, rules, steps), chosen, rules, steps)
    image = _resized(image, rules, steps)
    known = {one.value: one for one in SourceType}
    mark = known.get(mark_of(path.read_bytes()), SourceType.ENHANCED)
    made = _written(image, Path(stem), format, rules.get("bytes"), mark)
    return {"file": made.as_dict(), "steps": steps, "facts": measure(source=made.path, limits=limits)}


def _on_white(image: Image.Image, format: str, rules: Rules, steps: list[str]) -> Image.Image:
    """Lay a transparent picture on white where the pack or the format asks for it, and make a light ground white."""
    if image.mode == "RGBA" and (not FORMATS[format][3] or {"alpha", "white"} & rules.keys()):
        image = on_white(image)
        steps.append("flattened")
    if image.mode != "RGB" or not {"white", "fill", "ratio"} & rules.keys():
        return image
    ground = Ground(image)
    whitened = _whitened(ground) if ground.is_plain and not _is_white(ground) else None
    if whitened:
        steps.append("whitened")
    return whitened or image


def _is_white(ground: Ground) -> bool:
    histogram = darkest(ground.flat).histogram(ground.open)
    return histogram[255] >= 0.999 * sum(histogram)


def _whitened(ground: Ground) -> Image.Image | None:
    """Brighten the picture so that its ground is white; ``None`` where that would change the product too much.

    The whole picture is scaled, as by a photographer who sets the white point: no edge is drawn, no shadow is cut.
    """
    histogram = ground.flat.histogram(ground.open)
    levels = [_level(histogram[start : start + 256]) for start in (0, 256, 512)]
    if min(levels) < _LIGHT:
        return None
    channels = zip(ground.flat.split(), levels, strict=True)
    return Image.merge("RGB", [channel.point(partial(_scaled, 255 / level)) for channel, level in channels])


def _scaled(factor: float, value: int) -> int:
    return min(255, round(value * factor))


def _level(histogram: list[int]) -> int:
    """Return the level below which a channel of the ground hardly is."""
    seen = itertools.accumulate(histogram)
    return next(level for level, number in enumerate(seen) if number > _DARKER * sum(histogram))


def _framed(image: Image.Image, pack: Pack, rules: Rules, steps: list[str]) -> Image.Image:
    """Give the product the ratio and the share of the frame that are required, on a white ground."""
    ground = Ground(image)
    box = ground.box
    if box is None or ground.colour != _WHITE or ground.strays:
        return image
    width, height = image.size
    whole = box[0] > 1 and box[1] > 1 and box[2] < width - 1 and box[3] < height - 1
    ratio, fill = rules.get("ratio"), max((box[2] - box[0]) / width, (box[3] - box[1]) / height)
    wanted = ratio_of(ratio.fail_unless[0]) if ratio else width / height
    is_good = _is_within(fill, rules.get("fill")) and math.isclose(wanted, width / height, rel_tol=0.01)
    if is_good or not whole:
        return image
    steps.append("framed")
    across = max(box[2] - box[0], (box[3] - box[1]) * wanted) / pack.options["fill"]
    size = (math.ceil(across), math.ceil(across / wanted))
    framed = Image.new(image.mode, size, _WHITE if image.mode == "RGB" else (*_WHITE, 0))
    framed.paste(image, ((size[0] - box[0] - box[2]) // 2, (size[1] - box[1] - box[3]) // 2))
    return framed


def _is_within(value: float, rule: Rule | None) -> bool:
    return rule is None or rule.least <= value <= rule.most


def _resized(image: Image.Image, rules: Rules, steps: list[str]) -> Image.Image:
    """Enlarge or reduce the picture to the sizes that are required."""
    most = min(_factors(image, rules, "fail_above"), default=1.0)
    factor = most if most < 1 else max([1.0, *_factors(image, rules, "fail_below")])
    if factor == 1 or factor > _LARGEST:
        return image
    steps.append("enlarged" if factor > 1 else "reduced")
    whole = math.ceil if factor > 1 else math.floor
    size = (max(1, whole(image.width * factor)), max(1, whole(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _factors(image: Image.Image, rules: Rules, bound: str) -> Iterator[float]:
    """Yield the factors by which the sides have to grow or shrink to reach each bound."""
    width, height = image.size
    present = {"width": width, "height": height, "shortest": min(image.size), "longest": max(image.size)}
    present |= {"sides": width + height, "pixels": width * height}
    box = Ground(image).box if "product" in rules else None
    if box:
        present["product"] = max(box[2] - box[0], box[3] - box[1]) - 2  # resampling softens its edges
    for measured, value in present.items():
        limit = getattr(rules[measured], bound) if measured in rules else None
        if limit is not None:
            yield math.sqrt(limit / value) if measured == "pixels" else limit / value


def _format(stored_as: str, rules: Rules) -> str:
    """Return our name of the format to write: that of the source if it is good, else the first good one."""
    rule = rules.get("format")
    good = [name.lower() for name in (rule.warn_unless or rule.fail_unless)] if rule else []
    present = stored_as.lower()
    if present in FORMATS and (not good or present in good):
        return present
    return next((name for name in good if name in FORMATS), "jpeg")


def _written(image: Image.Image, stem: Path, format: str, rule: Rule | None, mark: SourceType) -> Encoded:
    """Write the picture with the first quality at which the file has a good size, or else with the last one."""
    made = write_picture(image, stem, format=format, quality=_QUALITIES[0], mark=mark)
    if rule is None or _is_within(made.size, rule):
        return made
    formats = (format, "jpeg") if format == "png" else (format,)
    for again, quality in itertools.product(formats, _FINER if made.size < rule.least else _QUALITIES[1:]):
        made = write_picture(image, stem, format=again, quality=quality, mark=mark)
        if _is_within(made.size, rule):
            break
    return made
