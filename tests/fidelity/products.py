"""Drawn products: photos of them, packshots of the same, and what must not happen to a product."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFilter

SIDE = 900


def bottle(rows: int = 6) -> Image.Image:
    """Return a bottle with a label of so many printed rows on a transparent ground."""
    image = Image.new("RGBA", (400, 700))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((40, 160, 360, 690), 60, fill=(150, 60, 70, 255))
    draw.rectangle((150, 20, 250, 180), fill=(120, 50, 60, 255))
    draw.rectangle((140, 5, 260, 70), fill=(60, 60, 66, 255))
    draw.rectangle((80, 200, 110, 640), fill=(190, 110, 115, 255))  # a reflection
    draw.rectangle((90, 300, 330, 560), fill=(236, 230, 214, 255))
    for row in range(rows):
        for column in range(7):
            if (row * 7 + column) % 5:
                left, top = 105 + 31 * column, 315 + 40 * row
                draw.rectangle((left, top, left + 20, top + 22), fill=(40, 44, 60, 255))
    return image.filter(ImageFilter.GaussianBlur(0.7))


def teapot() -> Image.Image:
    """Return another product."""
    image = Image.new("RGBA", (640, 480))
    draw = ImageDraw.Draw(image)
    draw.ellipse((110, 110, 500, 460), fill=(60, 110, 150, 255))
    draw.polygon([(470, 200), (620, 130), (630, 170), (480, 330)], fill=(50, 95, 130, 255))
    draw.ellipse((20, 180, 150, 380), outline=(50, 95, 130, 255), width=28)
    for at in range(6):
        draw.ellipse((170 + 48 * at, 250, 200 + 48 * at, 300), fill=(230, 200, 90, 255))
    return image


def room(noise: int = 7) -> Image.Image:
    """Return a ground that is not plain."""
    ground = Image.new("RGB", (SIDE, SIDE), (150, 160, 150))
    draw = ImageDraw.Draw(ground)
    for row in range(600, SIDE, 30):
        draw.rectangle((0, row, SIDE, row + 28), fill=(140 - row % 13 * 3, 105 + row % noise * 4, 70))
    for at in range(9):
        draw.ellipse((at * 110, 40 + at * at % 70, at * 110 + 90, 150), fill=(90 + 15 * at, 120, 200 - 14 * at))
    return ground


def plain(colour: tuple[int, int, int] = (176, 182, 190)) -> Image.Image:
    """Return the ground of a studio."""
    return Image.new("RGB", (SIDE, SIDE), colour)


def placed(product: Image.Image, ground: Image.Image, *, share: float = 0.7, across: float = 0.5) -> Image.Image:
    """Return a picture of a product that stands on a ground, as high as a share of it."""
    factor = share * ground.height / max(product.size)
    small = product.resize((round(product.width * factor), round(product.height * factor)), Image.Resampling.LANCZOS)
    image = ground.copy()
    image.paste(small, (round(across * image.width - small.width / 2), (image.height - small.height) // 2), small)
    return image


def packshot(product: Image.Image, *, side: int = SIDE, share: float = 0.85) -> Image.Image:
    """Return the product on white."""
    return placed(product, Image.new("RGB", (side, side), "white"), share=share)


def stretched(product: Image.Image, percent: float) -> Image.Image:
    """Return the product wider by so many percent."""
    return product.resize((round(product.width * (1 + percent / 100)), product.height), Image.Resampling.LANCZOS)


def tinted(product: Image.Image, amount: float) -> Image.Image:
    """Return the product in more of another colour: red becomes weaker and blue stronger by so many levels."""
    red, green, blue, alpha = product.split()
    channels = (
        red.point(lambda level: max(0, level - amount)),
        green,
        blue.point(lambda level: min(255, level + amount)),
    )
    return Image.merge("RGBA", (*channels, alpha))


def encoded(image: Image.Image, format: str = "JPEG", quality: int = 75) -> Image.Image:
    """Return the picture as it is after it was stored."""
    file = io.BytesIO()
    image.save(file, format, quality=quality)
    return Image.open(file).convert("RGB")
