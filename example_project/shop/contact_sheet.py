"""Contact sheets: all pictures of an enhancement, before and after."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from product_imagery.models import Enhancement, ResultImage

_CELL, _GAP, _LINE, _PAIRS = 220, 10, 22, 4


def draw_contact_sheet(enhancement: Enhancement, path: Path) -> int:
    """Draw all results of ``enhancement`` to ``path`` and return their number."""
    results = list(ResultImage.objects.filter(item__enhancement=enhancement).select_related("item__content_type"))
    rows = -(-len(results) // _PAIRS)
    width = _PAIRS * (2 * _CELL + _GAP) + _GAP
    sheet = Image.new("RGB", (width, max(1, rows) * (_CELL + _LINE + _GAP) + _GAP), "#dddddd")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for number, result in enumerate(results):
        x = _GAP + number % _PAIRS * (2 * _CELL + _GAP)
        y = _GAP + number // _PAIRS * (_CELL + _LINE + _GAP)
        _paste(sheet, _before(result), x, y)
        with result.thumbnail.open("rb") as handle, Image.open(handle) as after:
            _paste(sheet, after, x + _CELL, y)
        note = f"  ({', '.join(result.warnings)})" if result.warnings else ""
        draw.text((x, y + _CELL + 3), f"{result.item.label}{note}"[:62], fill="#222222", font=font)
    sheet.save(path, quality=88)
    return len(results)


def _before(result: ResultImage) -> Image.Image:
    model = result.item.content_type.model_class()
    assert model is not None
    field = model._meta.get_field("photo")
    with field.storage.open(result.item.source_name) as handle, Image.open(handle) as before:  # type: ignore[union-attr]
        return ImageOps.exif_transpose(
            ImageOps.contain(before, (2 * _CELL, 2 * _CELL)) if before.mode != "P" else before
        )


def _paste(sheet: Image.Image, picture: Image.Image, x: int, y: int) -> None:
    small = ImageOps.contain(picture.convert("RGBA"), (_CELL - 4, _CELL - 4))
    sheet.paste("#f4f4f4", (x, y, x + _CELL - 2, y + _CELL - 2))
    sheet.paste(small, (x + (_CELL - small.width) // 2, y + (_CELL - small.height) // 2), small)
