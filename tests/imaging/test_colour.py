"""Profiles: what they make of colours counts, not what they are called."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from product_imagery.imaging.colour import SRGB_PROFILE
from product_imagery.imaging.decode import open_picture
from tests.imaging.container_files import CONTAINERS, SIZE, photo

_SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
_P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))
#: parametric curve 3 (ICC.1, 10.18) of sRGB, and a plain gamma
_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(name: str, primaries: tuple[tuple[float, ...], ...] = _SRGB, gamma: float = 0.0) -> bytes:
    """An ICC 4 matrix profile called ``name``; without ``gamma`` its curve is that of sRGB."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    numbers = (gamma,) if gamma else _CURVE
    curve = b"para\0\0\0\0" + struct.pack(">HH", 0 if gamma else 3, 0) + b"".join(map(fixed, numbers))
    text = name.encode("utf-16-be")
    label = b"mluc\0\0\0\0" + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(text), 28) + text
    white = b"XYZ \0\0\0\0" + b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    tags = {b"desc": label, b"wtpt": white, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    tags |= {
        key: b"XYZ \0\0\0\0" + b"".join(map(fixed, column))
        for key, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    }
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        padded = value.ljust(-(-len(value) // 4) * 4, b"\0")
        table += key + struct.pack(">II", at + len(body), len(value))
        body += padded
    head = bytes(8) + b"\4\x30\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    head = head.ljust(128, b"\0")
    whole = head + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def _seen(tmp_path: Path, format: str, profile: bytes, colour: tuple[int, int, int]) -> tuple[int, ...]:
    path = tmp_path / "file"
    path.write_bytes(photo(format, picture=Image.new("RGB", SIZE, colour), profile=profile))
    pixel = open_picture(path).image.getpixel((60, 40))
    assert isinstance(pixel, tuple)
    return pixel


def _near(found: tuple[int, ...], expected: tuple[int, ...], by: int) -> bool:
    return max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= by


@pytest.mark.parametrize("name", ["GIMP built-in Linear sRGB", "sRGB IEC61966-2.1", "scRGB", "x"])
@pytest.mark.parametrize("format", CONTAINERS)
def test_a_linear_curve_is_converted_whatever_the_profile_is_called(tmp_path: Path, format: str, name: str) -> None:
    linear = profile(name, gamma=1.0)
    assert _near(_seen(tmp_path, format, linear, (147, 5, 55)), (200, 38, 129), 6)


@pytest.mark.parametrize("name", ["sRGB built-in", "Display P3"])
@pytest.mark.parametrize("format", CONTAINERS)
def test_other_primaries_are_converted(tmp_path: Path, format: str, name: str) -> None:
    found = _seen(tmp_path, format, profile(name, _P3), (190, 60, 50))
    assert found[0] > 200
    assert found[1] < 50


@pytest.mark.parametrize("gamma", [1.8, 2.6])
def test_another_gamma_is_converted(tmp_path: Path, gamma: float) -> None:
    found = _seen(tmp_path, "PNG", profile("sRGB", gamma=gamma), (100, 100, 100))
    assert not _near(found, (100, 100, 100), 5)


@pytest.mark.parametrize("content", [SRGB_PROFILE, profile("anything"), profile("sRGB")], ids=["lcms", "any", "srgb"])
def test_the_profile_of_srgb_changes_no_pixel(tmp_path: Path, content: bytes) -> None:
    assert _seen(tmp_path, "PNG", content, (147, 5, 55)) == (147, 5, 55)


def test_a_profile_of_the_wrong_kind_or_cut_off_is_left_out(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for content in (lab, profile("sRGB", gamma=1.0)[:200], b"no profile", bytes(2000)):
        assert _seen(tmp_path, "PNG", content, (147, 5, 55)) == (147, 5, 55)


def test_a_profile_spares_transparency(tmp_path: Path) -> None:
    path = tmp_path / "file"
    picture = Image.new("RGBA", SIZE, (147, 5, 55, 255))
    picture.paste((147, 5, 55, 102), (0, 0, 60, 80))
    path.write_bytes(photo("PNG", picture=picture, profile=profile("Linear sRGB", gamma=1.0)))
    opened = open_picture(path).image
    pixel = opened.getpixel((20, 20))
    assert isinstance(pixel, tuple)
    assert pixel[3] == 102
    assert _near(pixel[:3], (200, 38, 129), 3)
