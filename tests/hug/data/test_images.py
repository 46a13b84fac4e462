"""Pictures from people: checked, opened, made square."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from hug.data.images import (
    MAX_BYTES,
    OWN,
    SENT,
    PictureError,
    PictureFolder,
    list_pictures,
    open_picture,
    printable,
    readable_pictures,
    square,
)


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


@pytest.mark.parametrize(
    ("mode", "values", "tones"),
    [
        ("I", [0, 64, 255], [0, 64, 255]),
        ("I", [0, 257 * 64, 65535], [0, 64, 255]),
        ("I", [-5, 500_000, 1_000_000], [0, 128, 255]),
        ("F", [0, 0.5, 1], [0, 128, 255]),
        ("F", [0, 64, 255], [0, 64, 255]),
        ("F", [float("nan"), float("inf"), 255], [0, 0, 255]),
    ],
)
def test_grey_of_unknown_range_is_read_by_its_brightest_pixel(mode: str, values: list, tones: list) -> None:
    grey = Image.fromarray(np.array([values], np.int32 if mode == "I" else np.float32))
    assert grey.mode == mode
    for picture in (grey, encoded(grey, "TIFF")):
        assert np.asarray(open_picture(picture))[0, :, 0].tolist() == tones


@pytest.mark.parametrize("mode", ["CMYK", "L", "1", "YCbCr"])
def test_other_modes_become_rgb(mode: str) -> None:
    format = "PNG" if mode == "1" else "JPEG"
    assert open_picture(encoded(Image.new(mode, (4, 4)), format)).mode == "RGB"


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    disguised = tmp_path / "dress.png"
    disguised.write_bytes(encoded(Image.new("RGB", (4, 4), "red"), "WEBP"))
    assert open_picture(disguised).size == (4, 4)
    disguised.write_text("a dress, in words")
    with pytest.raises(PictureError, match="dress.png is not a PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF picture"):
        open_picture(disguised)
    with pytest.raises(PictureError, match="dress.png is not a JPEG, PNG or WebP picture"):
        open_picture(disguised, SENT)


@pytest.mark.parametrize("format", OWN.formats)
def test_own_files_may_have_more_formats_than_what_visitors_send(format: str) -> None:
    content = encoded(Image.new("RGB", (16, 16), "red"), format)
    assert np.abs(np.asarray(open_picture(content), int) - (255, 0, 0)).max() <= 3
    if format in SENT.formats:
        assert open_picture(content, SENT).size == (16, 16)
    else:
        with pytest.raises(PictureError, match="not a JPEG, PNG or WebP"):
            open_picture(content, SENT)


def test_of_several_pictures_in_a_file_the_first_counts() -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    for format in ("GIF", "TIFF", "WEBP", "AVIF"):
        red, _, blue = open_picture(encoded(first, format, save_all=True, append_images=[second])).getpixel((4, 4))
        assert red > 240 and blue < 15


@pytest.mark.parametrize("sent", ["dress.jpg", 5, None, ["dress.jpg"], np.zeros((2, 2, 3))])
def test_what_is_no_picture_is_told_so(sent: object) -> None:
    with pytest.raises(PictureError, match=f"a PIL image, a Path or the bytes of a file; got {type(sent).__name__}"):
        open_picture(sent)  # type: ignore[arg-type]


def test_absent_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="nowhere.jpg can't be opened"):
        open_picture(tmp_path / "nowhere.jpg")
    with pytest.raises(PictureError, match="is empty"):
        open_picture(b"")
    with pytest.raises(PictureError, match="is not a file"):
        open_picture(tmp_path)


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
        open_picture(b"\0" * (MAX_BYTES + 1), SENT)
    with pytest.raises(PictureError, match="the picture is not a"):
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


def put(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + os.fsencode(name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_listing_is_recursive_sorted_and_knows_suffixes_in_any_case(tmp_path: Path) -> None:
    put(tmp_path, "b.JPG", "a/z.png", "a/y.x.webp", ".hidden/c.png", "notes.txt", "album.jpg/in.JfIf", "._b.JPG")
    listing = list_pictures(tmp_path)
    assert list(listing.pictures) == ["a/y.x", "a/z", "album.jpg/in", "b"] and not listing.left_out
    put(tmp_path / "all", *(f"{n}{suffix}" for n, suffix in enumerate((".tif", ".TIFF", ".bmp", ".gif", ".avif"))))
    assert len(list_pictures(tmp_path / "all").pictures) == 5
    with pytest.raises(ValueError, match="is not a folder"):
        list_pictures(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is not a folder"):
        list_pictures(tmp_path / "notes.txt")


def test_what_looks_like_a_picture_and_is_none_is_listed(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.HEIC", "c.dng", "notes.txt", "d.svg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    Image.new("RGB", (4, 4)).save(tmp_path / "v1.2", "PNG")
    listing = list_pictures(tmp_path)
    assert list(listing.pictures) == ["a", "v1.2"]  # by its first bytes
    assert {Path(path).name for path in listing.left_out} == {"b.HEIC", "c.dng", "d.svg", "gone.jpg"}
    assert "HEIC pictures can't be read here" in listing.left_out[str(tmp_path / "b.HEIC")]


def test_what_can_t_be_decoded_is_left_out_with_its_reason(test_data: Path) -> None:
    cases = test_data / "cases"
    bad = readable_pictures(cases / "02_one_bad_of_eight")
    assert len(bad.pictures) == 6 and {Path(place).name for place in bad.left_out} == {"p3.jpg", "p6.jpg"}
    odd = readable_pictures(cases / "04_silently_left_out")
    assert list(odd.pictures) == ["a", "b", "c", "download", "p0", "p1"] and len(odd.left_out) == 1


def test_linked_folders_are_entered_once_and_a_circle_ends(tmp_path: Path) -> None:
    put(tmp_path / "shop", "a.png")
    put(tmp_path / "elsewhere", "b.png")
    (tmp_path / "shop" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "shop" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "shop")
    (tmp_path / "link").symlink_to(tmp_path / "shop")
    assert list(list_pictures(tmp_path / "shop").pictures) == ["a", "again/b"]
    assert list(list_pictures(tmp_path / "link").pictures) == ["a", "again/b"]


def test_names_that_would_be_one_id_keep_their_suffix(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "a.png", "b.png", "a.png.jpg")
    assert list(list_pictures(tmp_path).pictures) == ["a.jpg", "a.png", "a.png.jpg", "b"]


def test_names_that_are_no_text_are_read_and_written_out(tmp_path: Path) -> None:
    put(tmp_path, b"caf\xe9.png", "größe.png")
    listing = list_pictures(tmp_path)
    assert list(listing.pictures) == ["caf\\xe9", "größe"] and all(p.is_file() for p in listing.pictures.values())
    assert printable(listing.pictures["caf\\xe9"]).encode().endswith(b"caf\\xe9.png")
    with pytest.raises(PictureError, match=r"caf\\xe9.png is empty"):
        open_picture(listing.pictures["caf\\xe9"])


def test_a_picture_is_found_by_its_id_whatever_its_suffix(tmp_path: Path) -> None:
    put(tmp_path, "a.JPG", "sub/b.JfIf", "c.webp", "d.PNG", "d.jpg")
    folder = PictureFolder(tmp_path)
    names = {id: path.name for id in ("a", "sub/b", "c", "d") if (path := folder.find(id))}
    assert names == {"a": "a.JPG", "sub/b": "b.JfIf", "c": "c.webp", "d": "d.jpg"}
    assert folder.find("e") is None and PictureFolder(tmp_path / "nowhere").find("a") is None
