"""The picture a request brings along, for models that change a picture or set it in motion.

Data URLs are decoded and loopback addresses fetched, so that a client's own links are put to the test. Other addresses
are left alone: the sandbox never goes out into the network, and draws its landscape instead.
"""

import base64
import binascii
import io
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image, ImageOps, UnidentifiedImageError

FIELDS = ("image_url", "image_urls", "input_image", "inputImage", "image", "imageUrls", "image_input", "start_image")
MAX_BYTES = 30_000_000
TIMEOUT_SECONDS = 20.0


class UnreadableSource(ValueError):
    """The picture cannot be had; the message says why."""


def address_in(given: Mapping[str, Any]) -> str | None:
    """The first picture among the inputs."""
    for field in FIELDS:
        value = given.get(field)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str) and first:
            return first
    return None


def load(address: str | None) -> Image.Image | None:
    """The picture at an address, upright and in RGB; None when there is none or it is not ours to fetch."""
    content = _content(address) if address else None
    if content is None:
        return None
    try:
        with Image.open(io.BytesIO(content)) as opened:
            return ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise UnreadableSource("The image could not be read. Send a PNG, JPEG or WebP file.") from error


def _content(address: str) -> bytes | None:
    if address.startswith("data:"):
        try:
            return base64.b64decode(address.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise UnreadableSource("The data URL is not valid base64.") from error
    if not _is_loopback(address):
        return None
    try:
        answer = httpx.get(address, timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)
    except httpx.HTTPError as error:
        raise UnreadableSource("The image could not be downloaded.") from error
    if answer.status_code != httpx.codes.OK or len(answer.content) > MAX_BYTES:
        raise UnreadableSource(f"The image could not be downloaded (HTTP {answer.status_code}).")
    return answer.content


def _is_loopback(address: str) -> bool:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
