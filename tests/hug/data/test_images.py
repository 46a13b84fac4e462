"""Pictures from people: checked, opened, made square."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from hug.data.images import MAX_BYTES, PictureError, open_picture, read_folder, square


def encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


# ---- pictures ----


def test_real_photographs_open_as_plain_rgb(test_data: Path) -> None:
    for path in sorted((test_data / "clothing_photos").glob("*/*.jpg"))[::60]:
        picture = open_picture(path)
        assert picture.mode == "RGB" and max(picture.size) == 320 and not picture.info


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured_and_dropped(orientation: int) -> None:
    upright = np.zeros((16, 24, 3), np.uint8)
    upright[:8, :12] = 255  # the top left quarter is white
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.swapaxes(0, 1), 6: np.rot90(upright), 7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(np.ascontiguousarray(stored[orientation])), "PNG", exif=exif)
    picture = open_picture(content)
    np.testing.assert_array_equal(np.asarray(picture), upright)
    assert not picture.info and not picture.getexif()
    turned = square(Image.open(io.BytesIO(content)), 16)  # also where a picture comes from elsewhere
    np.testing.assert_array_equal(np.asarray(turned), np.asarray(square(Image.fromarray(upright), 16)))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow says so itself
def test_malformed_exif_does_not_spoil_a_picture() -> None:
    content = encoded(Image.new("RGB", (8, 8), "red"), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffrubbish")
    assert open_picture(content).getpixel((4, 4)) == (254, 0, 0)


def test_text_and_profiles_are_dropped() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "somebody")
    content = encoded(Image.new("RGB", (4, 4)), "PNG", pnginfo=info, icc_profile=b"profile")
    assert open_picture(content).info == {}
    assert b"somebody" not in encoded(open_picture(content), "PNG")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(mode: str) -> None:
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 2, 4))
    picture = picture.quantize(4) if mode == "P" else picture.convert(mode)
    opened = open_picture(encoded(picture, "PNG"))
    assert opened.getpixel((0, 0)) == (0, 0, 0) and opened.getpixel((3, 3)) == (255, 255, 255)


def test_sixteen_bit_grey_keeps_its_tones() -> None:
    """Pillow's own conversion makes everything above 255 of 65,535 white."""
    grey = np.array([[0, 257 * 64, 257 * 128, 65535]], np.uint16)
    opened = open_picture(encoded(Image.fromarray(grey), "PNG"))
    assert [opened.getpixel((n, 0))[0] for n in range(4)] == [0, 64, 128, 255]


@pytest.mark.parametrize("mode", ["CMYK", "L", "1", "YCbCr"])
def test_other_modes_become_rgb(mode: str) -> None:
    format = "PNG" if mode == "1" else "JPEG"
    assert open_picture(encoded(Image.new(mode, (4, 4)), format)).mode == "RGB"


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    disguised = tmp_path / "dress.png"
    disguised.write_bytes(encoded(Image.new("RGB", (4, 4), "red"), "WEBP"))
    assert open_picture(disguised).size == (4, 4)
    disguised.write_text("a dress, in words")
    with pytest.raises(PictureError, match="dress.png is not a JPEG, PNG or WebP picture"):
        open_picture(disguised)
    with pytest.raises(PictureError, match="not a JPEG, PNG or WebP"):
        open_picture(encoded(Image.new("RGB", (4, 4)), "GIF"))


def test_absent_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="nowhere.jpg can't be opened"):
        open_picture(tmp_path / "nowhere.jpg")
    with pytest.raises(PictureError, match="is empty"):
        open_picture(b"")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_picture_is_refused(format: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), format)
    with pytest.raises(PictureError, match="damaged|not a JPEG"):
        open_picture(content[: len(content) // 2])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_hostile_bytes_are_a_picture_or_a_picture_error(rubbish: bytes, at: int) -> None:
    content = encoded(Image.linear_gradient("L").resize((24, 24)), "PNG")
    with contextlib.suppress(PictureError):
        assert open_picture(content[:at] + rubbish + content[at + len(rubbish) :]).mode == "RGB"


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [5001, 10_000, 60_000])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    with pytest.raises(PictureError, match="megapixels"):
        open_picture(bomb(side, side))


def test_limits_are_inclusive() -> None:
    assert open_picture(Image.new("L", (5000, 5000))).size == (5000, 5000)
    with pytest.raises(PictureError, match="5000 x 5001 pixels; at most 25 megapixels"):
        open_picture(Image.new("L", (5000, 5001)))
    with pytest.raises(PictureError, match="8.0 MB; at most 8 MB"):
        open_picture(b"\0" * (MAX_BYTES + 1))


def naive_square(picture: Image.Image, size: int) -> Image.Image:
    """PROTOCOLS.md word for word: pad, resize the short side, crop the centre."""
    width, height = picture.size
    least = int(max(width, height) / 1.25)
    padded = Image.new("RGB", (max(width, least), max(height, least)), "white")
    padded.paste(picture, ((padded.width - width) // 2, (padded.height - height) // 2))
    scale = size / min(padded.size)
    resized = padded.resize((round(padded.width * scale), round(padded.height * scale)), Image.Resampling.BICUBIC)
    left, top = (resized.width - size) // 2, (resized.height - size) // 2
    return resized.crop((left, top, left + size, top + size))


@pytest.mark.parametrize("size", [(320, 320), (300, 260), (320, 180), (100, 400)])
def test_square_is_pad_resize_crop(test_data: Path, size: tuple[int, int]) -> None:
    path = sorted((test_data / "clothing_photos" / "dress").glob("*.jpg"))[0]
    picture = open_picture(path).resize(size)
    ours, naive = (np.asarray(made, float) for made in (square(picture, 160), naive_square(picture, 160)))
    assert ours.shape == (160, 160, 3)
    assert np.abs(ours - naive).mean() < 4  # half a pixel of rounding at the borders


def test_square_of_a_strip_needs_no_memory() -> None:
    strip = np.asarray(square(Image.new("RGB", (25_000, 1), "black"), 40))
    assert (strip == 0).all(-1).sum() == 40 and strip[0].min() == 255  # one black line on white


# ---- folders ----


def test_read_folder_is_recursive_and_sorted(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/z.png", "a/y.x.webp", ".hidden/c.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list(read_folder(tmp_path)) == ["a/y.x", "a/z", "b"]


def test_read_folder_refuses_empty_absent_and_ambiguous_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no pictures"):
        read_folder(tmp_path)
    with pytest.raises(ValueError, match="is not a folder"):
        read_folder(tmp_path / "nowhere")
    for suffix in ("png", "jpg"):
        (tmp_path / f"a.{suffix}").touch()
    with pytest.raises(ValueError, match="would share the id 'a'"):
        read_folder(tmp_path)
