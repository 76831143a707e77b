"""What a file holds is found out from its content, exactly."""

import shutil
import struct
import zlib
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from app.files.probe import Unreadable, probe
from app.files.sniff import sniff
from tests.files import samples


@pytest.mark.parametrize(
    ("kind", "mime"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("AVIF", "image/avif"),
    ],
)
def test_a_picture_whatever_it_is_called(tmp_path: Path, kind: str, mime: str) -> None:
    measured = probe(samples.picture(tmp_path / "claims.html", kind))
    assert (measured.kind, measured.mime, measured.width, measured.height) == ("image", mime, 64, 48)
    assert measured.seconds is None


def test_a_photograph_is_as_wide_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    measured = probe(samples.picture(tmp_path / "upright.jpg", "JPEG", exif=exif))
    assert (measured.width, measured.height) == (48, 64)


@pytest.mark.parametrize(
    ("name", "options", "kind", "mime", "seconds"),
    [
        pytest.param("a.mp4", (), "video", "video/mp4", "1", id="MP4"),
        pytest.param("a.mov", (), "video", "video/quicktime", "1", id="QuickTime"),
        pytest.param("a.webm", (), "video", "video/webm", "1", id="WebM"),
        pytest.param("a.mkv", (), "video", "video/x-matroska", "1", id="Matroska"),
        pytest.param("a.mp4", ("-movflags", "frag_keyframe+empty_moov"), "video", "video/mp4", "1", id="fragmented"),
    ],
)
def test_a_video(tmp_path: Path, name: str, options: tuple[str, ...], kind: str, mime: str, seconds: str) -> None:
    measured = probe(samples.video(tmp_path / name, *options))
    assert (measured.kind, measured.mime, measured.width, measured.height) == (kind, mime, 96, 64)
    assert measured.seconds == Decimal(seconds)


def test_the_length_is_the_streams_own_to_the_microsecond(tmp_path: Path) -> None:
    measured = probe(samples.video(tmp_path / "a.mp4", "-frames:v", "7", rate="30000/1001"))
    assert measured.seconds == Decimal("0.233567")  # 7 × 1001/30000 s


def test_a_recorder_that_writes_no_length_is_read_to_the_end(tmp_path: Path) -> None:
    measured = probe(samples.video(tmp_path / "live.webm", "-live", "1", seconds="2"))
    assert measured.seconds is not None
    assert Decimal("1.9") <= measured.seconds <= Decimal(2)
    assert (measured.width, measured.height) == (96, 64)


@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.flac", "a.mp4"])
def test_a_header_that_makes_it_short_is_not_believed(tmp_path: Path, name: str) -> None:
    """Files are priced by their length."""
    made = samples.video if name.endswith(".mp4") else samples.sound
    content = bytearray(made(tmp_path / name, seconds="4").read_bytes())
    if name == "a.mp3":
        at = max(content.find(b"Xing"), content.find(b"Info")) + 8  # how many frames there are
        content[at : at + 4] = (10).to_bytes(4, "big")
    elif name == "a.flac":
        content[22:26] = (1_000).to_bytes(4, "big")  # how many samples
    else:
        for box, at in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
            start = content.find(box) + at
            content[start : start + 4] = (10).to_bytes(4, "big")
    lying = tmp_path / f"lying_{name}"
    lying.write_bytes(content)

    assert probe(lying).seconds == pytest.approx(Decimal(4), abs=Decimal("0.2"))


def test_a_phone_held_upright(tmp_path: Path) -> None:
    flat = samples.video(tmp_path / "flat.mp4")
    samples.ffmpeg("-display_rotation", "90", "-i", str(flat), "-c", "copy", str(tmp_path / "upright.mp4"))
    measured = probe(tmp_path / "upright.mp4")
    assert (measured.width, measured.height) == (64, 96)


@pytest.mark.parametrize(
    ("name", "options", "mime"),
    [
        ("a.wav", (), "audio/wav"),
        ("a.flac", (), "audio/flac"),
        ("a.ogg", ("-c:a", "libvorbis"), "audio/ogg"),
        ("a.m4a", (), "audio/mp4"),
        ("a.mp3", (), "audio/mpeg"),
        ("a.mp3", ("-id3v2_version", "0", "-write_xing", "0"), "audio/mpeg"),
        ("a.aac", (), "audio/aac"),
        ("a.webm", ("-c:a", "libopus"), "audio/webm"),
    ],
)
def test_a_sound(tmp_path: Path, name: str, options: tuple[str, ...], mime: str) -> None:
    measured = probe(samples.sound(tmp_path / name, *options))
    assert (measured.kind, measured.mime, measured.width) == ("audio", mime, None)
    assert measured.seconds is not None
    assert abs(measured.seconds - Decimal("1.5")) < Decimal("0.2")


def test_an_uncompressed_sound_is_measured_exactly(tmp_path: Path) -> None:
    assert probe(samples.sound(tmp_path / "a.wav", seconds="2.25")).seconds == Decimal("2.25")


def test_the_cover_of_an_album_does_not_make_it_a_video(tmp_path: Path) -> None:
    cover, tune = samples.picture(tmp_path / "cover.png"), samples.sound(tmp_path / "tune.mp3")
    joined = tmp_path / "album.mp3"
    samples.ffmpeg(
        "-i",
        str(tune),
        "-i",
        str(cover),
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-disposition:v:0",
        "attached_pic",
        str(joined),
    )
    assert probe(joined).kind == "audio"


def bomb() -> bytes:
    """A tiny PNG that says it is 60,000 pixels square."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<!doctype html><script>alert(1)</script>", id="a web page"),
        pytest.param(b"  <svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", id="a drawing with a script"),
        pytest.param(b"<?xml version='1.0'?><Error>AccessDenied</Error>", id="a storage's refusal"),
        pytest.param(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", id="a playlist to our own files"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", id="a concat script"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + b"\0" * 100, id="a picture's beginning and nothing more"),
        pytest.param(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 100, id="a video's beginning and nothing more"),
        pytest.param(b"\x1a\x45\xdf\xa3" + b"\0" * 100, id="a recording's beginning and nothing more"),
        pytest.param(b"ID3" + b"\0" * 200, id="a tag without a tune"),
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt ", id="a sound cut off"),
        pytest.param(bomb(), id="a picture that would fill the memory"),
        pytest.param(b"PK\x03\x04" + b"\0" * 100, id="an archive"),
    ],
)
def test_everything_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "claims.png"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        probe(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_half_a_picture_is_refused(tmp_path: Path, kind: str) -> None:
    path = samples.picture(tmp_path / "half", kind, size=(256, 256))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Unreadable):
        probe(path)


def test_a_video_without_its_index_is_refused(tmp_path: Path) -> None:
    path = samples.video(tmp_path / "cut.mp4")
    path.write_bytes(path.read_bytes()[:-500])  # the index stands at the end
    with pytest.raises(Unreadable):
        probe(path)


def test_a_name_with_a_protocol_in_it_is_only_a_name(tmp_path: Path) -> None:
    path = tmp_path / "concat:a|b"
    shutil.copy(samples.picture(tmp_path / "a.png"), path)
    assert probe(path).kind == "image"


@pytest.mark.parametrize("head", [b"", b"\xff", b"RIFF", b"\0\0\0\x18ftyp", b"\0\0\0\x18ftypheic" + b"\0" * 60])
def test_too_little_to_tell_is_no_format(head: bytes) -> None:
    found = sniff(head)
    assert found is None or not found.is_image
