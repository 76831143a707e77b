"""What a file is, by its first bytes. Names and headers are what somebody claims; only the content counts.

A type not listed here is not kept: that rules out what a browser would run in our name (HTML, SVG, scripts) and the
playlists that make a media library open further files.
"""

from dataclasses import dataclass

HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Format:
    """`reader` is the name under which Pillow (images) or FFmpeg (the rest) reads it, and nothing else is tried."""

    mime: str
    extension: str
    reader: str
    is_image: bool = False


PNG = Format("image/png", "png", "PNG", is_image=True)
JPEG = Format("image/jpeg", "jpg", "JPEG", is_image=True)
WEBP = Format("image/webp", "webp", "WEBP", is_image=True)
GIF = Format("image/gif", "gif", "GIF", is_image=True)
AVIF = Format("image/avif", "avif", "AVIF", is_image=True)
MP4 = Format("video/mp4", "mp4", "mov")
QUICKTIME = Format("video/quicktime", "mov", "mov")
M4A = Format("audio/mp4", "m4a", "mov")
WEBM = Format("video/webm", "webm", "matroska")
WEBA = Format("audio/webm", "weba", "matroska")
MKV = Format("video/x-matroska", "mkv", "matroska")
OGG = Format("audio/ogg", "ogg", "ogg")
OGV = Format("video/ogg", "ogv", "ogg")
WAV = Format("audio/wav", "wav", "wav")
MP3 = Format("audio/mpeg", "mp3", "mp3")
FLAC = Format("audio/flac", "flac", "flac")
AAC = Format("audio/aac", "aac", "aac")

#: The same container without a picture.
WITHOUT_PICTURE = {MP4: M4A, QUICKTIME: M4A, WEBM: WEBA, MKV: WEBA}
#: The same container with one.
WITH_PICTURE = {OGG: OGV}

_STARTS: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"OggS", OGG),
    (b"fLaC", FLAC),
    (b"ID3", MP3),
)
_RIFF = {b"WEBP": WEBP, b"WAVE": WAV}
_AVIF_BRANDS = {b"avif", b"avis"}
_MPEG_LAYERS = {0b01: MP3, 0b10: MP3, 0b11: MP3, 0b00: AAC}  # ADTS writes 0 where MPEG audio writes its layer


def sniff(head: bytes) -> Format | None:
    """The format of a file that starts with `head` (at least `HEAD_BYTES` of it); None when it is none we keep."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso(head)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return WEBM if b"webm" in head else MKV
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return _MPEG_LAYERS[head[1] >> 1 & 0b11]
    return None


def _iso(head: bytes) -> Format | None:
    length = int.from_bytes(head[:4], "big")
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(length, len(head)), 4))}
    if head[8:12] == b"qt  ":
        return QUICKTIME
    if brands & _AVIF_BRANDS:
        return AVIF
    return None if head[8:12] in {b"heic", b"heix", b"mif1"} else MP4
