"""Packshots that a marketplace accepts, and files that are wrong in one respect."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageOps

from product_imagery.imaging.colour import SRGB_PROFILE
from product_imagery.imaging.metadata import SourceType, xmp_packet
from product_imagery.rules.judge import ratio_of
from product_imagery.rules.packs import Pack, Rule
from tests.imaging.test_colour import profile


@dataclass(frozen=True)
class Shot:
    """A drawn packshot and how it is written. ``offset``: of the product from the middle, in pixels."""

    size: tuple[int, int]
    fill: float = 0.9
    ground: tuple[int, int, int] = (255, 255, 255)
    offset: tuple[int, int] = (0, 0)
    format: str = "JPEG"
    mode: str = "RGB"
    name: str = "shot.jpg"
    settings: dict[str, Any] = field(default_factory=lambda: {"quality": 92, "subsampling": 0})
    extra_bytes: int = 0
    change: Callable[[Image.Image], Image.Image] = lambda picture: picture
    mark: str = ""  #: that the picture should carry
    content: bytes = b""  #: of the file, instead of the drawn one

    def picture(self) -> Image.Image:
        """Draw a box with stripes, which has sharp edges and no part that resembles the ground."""
        box = _box(self.size, self.fill, self.offset)
        picture = Image.new("RGB", self.size, self.ground)
        draw = ImageDraw.Draw(picture)
        draw.rectangle(box, fill="#102850")
        step = max(4, (box[3] - box[1]) // 12)
        for top in range(box[1] + step, box[3] - step, 2 * step):
            draw.rectangle((box[0] + 2, top, box[2] - 2, min(box[3], top + step)), fill="#e08060")
        return self.change(picture)

    def write(self, folder: Path) -> Path:
        """Write the file and return its path."""
        path = folder / self.name
        if self.content:
            path.write_bytes(self.content)
            return path
        picture = self.picture()
        if self.mode == "RGBA" and picture.mode == "RGB":
            picture = picture.convert("RGBA")
            picture.putalpha(ImageOps.invert(picture.convert("L").point(lambda level: 255 * (level > 250))))
        elif self.mode != "RGBA":
            picture = picture.convert(self.mode)
        picture.save(path, self.format, **self.settings)
        with path.open("ab") as file:
            file.write(bytes(self.extra_bytes))
        return path


def _box(size: tuple[int, int], fill: float, offset: tuple[int, int]) -> tuple[int, int, int, int]:
    across, down = round(size[0] * fill), round(size[1] * fill)
    left, top = (size[0] - across) // 2 + offset[0], (size[1] - down) // 2 + offset[1]
    return left, top, left + across - 1, top + down - 1


def good(pack: Pack) -> Shot:
    """Return a packshot that the pack neither refuses nor warns about."""
    longest, ratio = pack.options["size"], ratio_of(pack.options["ratio"])
    size = (longest, round(longest / ratio)) if ratio >= 1 else (round(longest * ratio), longest)
    return Shot(size, pack.options["fill"])


def _with_stray(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    ImageDraw.Draw(picture).ellipse((4, 4, 4 + width * 0.02, 4 + height * 0.02), fill="#303030")
    return picture


def _with_border(picture: Image.Image) -> Image.Image:
    width = round(min(picture.size) * 0.015)
    ImageDraw.Draw(picture).rectangle((0, 0, picture.width - 1, picture.height - 1), outline="#101010", width=width)
    return picture


def _blurred(picture: Image.Image) -> Image.Image:
    small = picture.resize((picture.width // 4, picture.height // 4), Image.Resampling.BOX)
    return small.resize(picture.size, Image.Resampling.BICUBIC)


def _shaded(share: float) -> Callable[[Image.Image], Image.Image]:
    """Darken so much of the ground at the top a little: less than what counts as a product."""

    def change(picture: Image.Image) -> Image.Image:
        band = Image.new("RGB", (picture.width, round(picture.height * share)), (248, 248, 248))
        picture.paste(band)
        return picture

    return change


def sixteen_bits(size: tuple[int, int], fill: float) -> bytes:
    """Return a PNG with 16 bits of each colour, which Pillow does not write."""
    left, top, right, bottom = _box(size, fill, (0, 0))
    ground, product = b"\xff" * 6, struct.pack(">3H", 0x2020, 0x5050, 0x9090)
    empty = b"\0" + ground * size[0]
    full = b"\0" + ground * left + product * (right - left) + ground * (size[0] - right)
    rows = b"".join(full if top <= row < bottom else empty for row in range(size[1]))
    chunks = [(b"IHDR", struct.pack(">2I5B", *size, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


_PNG: dict[str, Any] = {"format": "PNG", "name": "shot.png", "settings": {"compress_level": 1}}
_CHANGES = {"strays": _with_stray, "border": _with_border}


def wrong(pack: Pack, rule: Rule, bound: str) -> Shot:
    """Return a packshot that breaks this bound of a rule and, except for ``SIDE_EFFECTS``, nothing else."""
    shot, value = good(pack), getattr(rule, bound)
    if rule.measure in _CHANGES:
        return replace(shot, change=_CHANGES[rule.measure])
    make: Callable[..., Shot] = globals()[f"_wrong_{rule.measure}"]
    return make(shot, rule, bound, value)


#: (pack, measure) or measure → further rules that such a file breaks of necessity
SIDE_EFFECTS: dict[str, set[str]] = {
    "zalando width": {"height"},  # the ratio stays
    "zalando height": {"width"},
    "otto shortest": {"longest"},
    "bol shortest": {"product", "bytes"},
    "amazon_main alpha": {"format"},
}


def _wrong_format(shot: Shot, rule: Rule, bound: str, value: Any) -> Shot:
    accepted = bound == "warn_unless"
    formats = ("PNG", "TIFF") if accepted else ("WEBP", "AVIF", "TIFF", "PNG")
    good_ones = rule.warn_unless if accepted else rule.fail_unless
    format = next(one for one in formats if one not in good_ones)
    suffix = {"WEBP": "webp", "AVIF": "avif", "TIFF": "tif", "PNG": "png"}[format]
    settings = {"lossless": True, "method": 0} if format == "WEBP" else {"quality": 95} if format == "AVIF" else {}
    return replace(shot, format=format, name=f"shot.{suffix}", settings=settings)


def _wrong_ending(shot: Shot, *_: Any) -> Shot:
    return replace(shot, name="shot.png")


def _wrong_file_name(shot: Shot, *_: Any) -> Shot:
    return replace(shot, name="grüne Flasche.jpg")


def _wrong_mark(shot: Shot, *_: Any) -> Shot:
    return replace(shot, mark=SourceType.GENERATED_SCENE)


def _wrong_bytes(shot: Shot, rule: Rule, bound: str, value: float) -> Shot:
    if bound == "fail_above":
        return replace(shot, extra_bytes=int(value))
    return replace(shot, format="PNG", name="shot.png", settings={"optimize": True})


def _wrong_side(shot: Shot, rule: Rule, bound: str, value: float) -> Shot:
    if bound == "fail_above":
        return replace(shot, size=(int(value) + 10, 1300))
    sides = {"width": shot.size[0], "height": shot.size[1], "shortest": min(shot.size), "longest": max(shot.size)}
    factor = (value - 3) / sides[rule.measure]
    return replace(shot, size=(round(shot.size[0] * factor), round(shot.size[1] * factor)))


_wrong_width = _wrong_height = _wrong_shortest = _wrong_longest = _wrong_side


def _wrong_sides(shot: Shot, *_: Any) -> Shot:
    return replace(shot, size=(10_800, 1300))


def _wrong_pixels(shot: Shot, *_: Any) -> Shot:
    return replace(shot, size=(8010, 8010))


def _wrong_ratio(shot: Shot, *_: Any) -> Shot:
    return replace(shot, size=(shot.size[0] + shot.size[0] // 8, shot.size[1]))


def _wrong_colours(shot: Shot, rule: Rule, bound: str, value: Any) -> Shot:
    if bound == "warn_unless":
        return replace(shot, settings={**shot.settings, "icc_profile": wide_gamut()})
    return replace(shot, mode="CMYK", ground=(255, 255, 255))


def _wrong_bits(shot: Shot, *_: Any) -> Shot:
    return replace(shot, content=sixteen_bits(shot.size, shot.fill), name="shot.png")


def _wrong_alpha(shot: Shot, *_: Any) -> Shot:
    return replace(shot, mode="RGBA", **_PNG)


def _wrong_white(shot: Shot, rule: Rule, bound: str, value: float) -> Shot:
    if bound == "fail_below" or rule.level < 255:
        return replace(shot, ground=(rule.level - 5,) * 3)
    return replace(shot, change=_shaded(0.005 if value > 0.99 else 0.04), fill=0.85)


def _wrong_fill(shot: Shot, rule: Rule, bound: str, value: float) -> Shot:
    return replace(shot, fill=value + (0.02 if bound.endswith("above") else -0.02))


def _wrong_touching(shot: Shot, *_: Any) -> Shot:
    return replace(shot, offset=((shot.size[0] - round(shot.size[0] * shot.fill) + 1) // 2, 0))


def _wrong_product(shot: Shot, rule: Rule, bound: str, value: float) -> Shot:
    return replace(shot, size=(1300, 1300), fill=(value - 10) / 1300)


def _wrong_sharpness(shot: Shot, rule: Rule, bound: str, value: float) -> Shot:
    return replace(shot, change=_blurred)


def marked(shot: Shot, mark: SourceType) -> Shot:
    """Return the shot with an origin mark in its file."""
    return replace(shot, settings={**shot.settings, "icc_profile": SRGB_PROFILE, "xmp": xmp_packet(mark)})


def wide_gamut() -> bytes:
    """Return a profile that is not equivalent to sRGB."""
    return profile("Linear RGB", gamma=1.0)
