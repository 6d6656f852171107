"""What a file is, by its first bytes."""

import io
import os
import socket
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from featurize import file_kinds
from featurize.file_kinds import HEAD, ending_of, examine, identify
from featurize.images import UnreadableImage, decode

FACE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30), np.uint8))
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 + b"\nsize 14321\n"
DVC = b"outs:\n- md5: 0123456789abcdef0123456789abcdef\n  size: 14321\n  path: a.jpg\n"
ANNEX = b"/annex/objects/SHA256E-s14321--0123.jpg\n"


def saved(form, **how):
    file = io.BytesIO()
    FACE.save(file, form, **how)
    return file.getvalue()


def packets(size, before=b""):
    """Return bytes in the form of an MPEG transport stream."""
    rng = np.random.default_rng(1)
    return before + b"".join(
        b"\0" * (size - 188) + b"G" + rng.integers(0, 256, 187, np.uint8).tobytes() for _ in range(20)
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM"])
def test_every_format_that_is_decoded_is_an_image(form):
    data = saved(form)
    kind = identify(data[:HEAD])
    assert (kind.group, kind.name.upper()) == ("image", form)
    assert decode(data).shape[:2] == (40, 30)


def test_16_bits():
    file = io.BytesIO()
    Image.fromarray(np.full((20, 20), 60_000, np.uint16)).save(file, "PNG")
    assert identify(file.getvalue()).group == "image"


@pytest.mark.parametrize(
    ("data", "group", "name"),
    [
        (b"", "empty", "empty file"),
        (b"\0\0\0\x14ftypisom", "video", "MP4 or MOV"),
        (b"\0\0\0\x14ftypqt  ", "video", "MP4 or MOV"),
        (b"\0\0\0\x183gp4\0", "other", "unknown"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video", "QuickTime"),
        (b"The free encyclopedia", "text", "text"),
        (b"\x1a\x45\xdf\xa3\x01", "video", "Matroska or WebM"),
        (b"RIFF\x24\0\0\0AVI LIST", "video", "AVI"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "other", "WAV"),
        (b"FLV\x01\x05", "video", "FLV"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "video", "WMV"),
        (b"\0\0\x01\xba\x44", "video", "MPEG"),
        (b"\0\0\x01\xb3\x44", "video", "MPEG"),
        (packets(188), "video", "MPEG-TS"),
        (packets(192), "video", "MPEG-TS"),
        (packets(188, b"\x01" * 77), "video", "MPEG-TS"),
        (b"G" * HEAD, "text", "text"),
        (HEIC, "unsupported", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic" + bytes(50), "unsupported", "HEIC"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx ", "other", "camera raw"),
        (b"\0\0\0\x18ftypM4A \0\0\0\1", "other", "M4A"),
        (b"II*\0\x10\0\0\0CR\x02\0", "other", "camera raw"),
        (b"\xff\x0a\xfa\x1f", "unsupported", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "unsupported", "JPEG 2000"),
        (b"<?xml version='1.0'?>\n<svg xmlns='x'/>", "unsupported", "SVG"),
        (b"<!DOCTYPE html><html>", "text", "HTML"),
        (LFS, "pointer", "Git LFS pointer"),
        (DVC, "pointer", "DVC pointer"),
        (b"md5: 0123\n" + DVC, "pointer", "DVC pointer"),
        (ANNEX, "pointer", "git-annex pointer"),
        (b"../../.git/annex/objects/x/y.jpg", "pointer", "git-annex pointer"),
        (b"%PDF-1.7\n", "other", "PDF"),
        (b"PK\x03\x04", "other", "ZIP"),
        (b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ", "other", "AppleDouble"),
        (b"BMW is a car", "text", "text"),
        (b"P5 is a console", "text", "text"),
        ("Glückwünsche an alle, die das hier lesen".encode("latin-1"), "text", "text"),
        ("žluťoučký kůň".encode("utf-16"), "text", "text"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "text", "text"),
        (b"\0" * 900, "other", "unknown"),
    ],
)
def test_kinds(data, group, name):
    kind = identify(data[:HEAD])
    assert (kind.group, kind.name) == (group, name)
    for wanted in ("image", "video"):
        reason = kind.reason(wanted)
        assert reason and "\n" not in reason


@given(st.binary(max_size=HEAD))
def test_any_bytes_are_something(head):
    kind = identify(head)
    assert kind.name
    assert kind.reason() and kind.reason("video")


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=700))
def test_text_is_never_a_video(text):
    assert identify(text.encode()[:HEAD]).group in ("text", "pointer", "unsupported", "image", "other")


@given(st.binary(min_size=1, max_size=64), st.sampled_from([saved("PNG"), saved("JPEG"), HEIC, LFS, b""]))
def test_decode_says_it_in_one_line_or_decodes(tail, start):
    try:
        decode(start + tail, "x")
    except UnreadableImage as error:
        assert error.reason and "\n" not in error.reason


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (HEIC, "a HEIC or AVIF image (HEIC); save it as JPEG or PNG, or pip install pillow-heif"),
        (LFS, "a Git LFS pointer: its content was not fetched; run: git lfs pull"),
        (DVC, "a DVC pointer: its content was not fetched; run: dvc pull"),
        (ANNEX, "a git-annex pointer: its content was not fetched; run: git annex get"),
        (b"%PDF-1.7\n" + bytes(99), "a PDF document, not an image; save its pages as JPEG or PNG"),
        (b"\0\0\0\x14ftypisom" + bytes(99), "a video (MP4 or MOV), not an image"),
        (b"<html>404", "a web page (HTML), not an image; a download may have failed: fetch it again"),
    ],
)
def test_decode_names_what_it_is(data, why):
    with pytest.raises(UnreadableImage) as caught:
        decode(data, "face.jpg")
    assert str(caught.value) == f"face.jpg: {why}"


@pytest.fixture
def heif(monkeypatch):
    """Stand in for `pillow-heif`: its images are a header before raw grey pixels of 24 x 16."""

    class Reader(ImageFile.ImageFile):
        format = "HEIF"

        def _open(self):
            if self.fp.read(12) != HEIC[:12]:
                raise SyntaxError("no HEIF")
            self._mode, self._size = "L", (24, 16)
            self.is_animated = True  # as of a burst; its first image counts
            self.tile = [("raw", (0, 0, 24, 16), 12, ("L", 0, 1))]

    def register():
        Image.init()  # else Pillow would later put its own over it
        Image.register_open("HEIF", Reader, lambda start: start[4:8] == b"ftyp")

    fake = types.ModuleType("pillow_heif")
    fake.register_heif_opener = register
    monkeypatch.setitem(sys.modules, "pillow_heif", fake)
    file_kinds.heif_reader.cache_clear()
    yield
    file_kinds.heif_reader.cache_clear()
    Image.OPEN.pop("HEIF", None)
    Image.ID.remove("HEIF")


def test_heic_is_read_where_its_reader_is(heif):
    assert identify(HEIC).group == "image"
    np.testing.assert_array_equal(decode(HEIC[:12] + bytes(range(128)) * 3), np.resize(range(128), (16, 24)))
    with pytest.raises(UnreadableImage, match="corrupt or truncated|beginning is damaged"):
        decode(HEIC[:40], "cut.heic")


@pytest.mark.skipif(not file_kinds.avif_reader(), reason="this Pillow reads no AVIF")
def test_avif_is_read_where_pillow_reads_it():
    data = saved("AVIF")
    assert identify(data[:HEAD]).name == "AVIF"
    assert decode(data).shape[:2] == (40, 30)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.JPG", ".jpg"),
        ("a", ""),
        (".jpg", ""),
        ("a.b/c", ""),
        ("a.tar.gz", ".gz"),
        ("a.", ""),
        ("..b.c", ".c"),
    ],
)
def test_endings(name, ending):
    assert ending_of(name) == ending


def test_what_lies_in_a_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")  # opening it would wait for ever
    (tmp_path / "dead.jpg").symlink_to("/nowhere/a.jpg")
    (tmp_path / "annex.jpg").symlink_to("../.git/annex/objects/a/b.jpg")
    (tmp_path / "dvc.jpg").symlink_to("/home/x/.cache/dvc/files/md5/0b/b.jpg")
    (tmp_path / "round.jpg").symlink_to("round.jpg")
    (tmp_path / "good.jpg").write_bytes(saved("PNG"))
    (tmp_path / "link.jpg").symlink_to("good.jpg")
    (tmp_path / "thumbnail.NEF").write_bytes(saved("TIFF"))
    there = {p.name: examine(p) for p in tmp_path.iterdir()}
    assert there["pipe.jpg"].group == "special"
    assert there["good.jpg"].name == there["link.jpg"].name == "PNG"
    assert there["thumbnail.NEF"].name == "camera raw"
    for name, words in (("dead", "a.jpg is not there"), ("annex", "git annex get"), ("dvc", "dvc pull"),
                        ("round", "a dead link")):  # fmt: skip
        kind = there[f"{name}.jpg"]
        assert (kind.group, kind.name) == ("dead link", "dead link")
        assert words in kind.reason()
    assert examine(tmp_path).group == "special"
    assert examine(tmp_path / "nothing").group == "closed"


def test_a_socket_and_a_closed_file(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)
        listener.bind("s.jpg")
        assert examine("s.jpg").name == "socket"
    (tmp_path / "closed.jpg").write_bytes(b"x")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert examine("closed.jpg").reason() == "cannot be opened (permission denied)"
