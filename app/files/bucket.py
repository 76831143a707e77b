"""A bucket of an S3-compatible store as the shelf: `s3://bucket/prefix?endpoint=https://…&region=…`.

The bucket stays private. What is asked for is copied to this machine and served from there, so that a signed link ends
when we say and not when the store says; copies go after a day, or earlier when they take too much room. Who we are to
the store is found as every program of its kind finds it: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a profile,
or the role of the machine.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.files.shelf import INCOMING, Unreachable, files_under, fresh, remove_with_preview
from app.kernel.errors import Broken

ATTEMPTS = 3
COPIES = "copies"
COPY_LIFETIME = timedelta(days=1)
COPIES_BYTES = 4 * 1024**3
#: A copy handed out this lately may not have been opened yet.
IN_USE = timedelta(minutes=10)
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
KNOWN_OPTIONS = frozenset({"endpoint", "region"})
HELP = "FILES_URL looks like s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-central-1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the bucket is; no `endpoint` is Amazon's own."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None

    @classmethod
    def parse(cls, url: str) -> "Address":
        """`Broken` with one sentence for anything else."""
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        if parts.scheme != "s3" or not parts.netloc or set(options) - KNOWN_OPTIONS:
            raise Broken(f"{HELP}.")
        if "@" in parts.netloc:
            raise Broken("FILES_URL carries no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        endpoint, region = (options.get(name, [None])[0] for name in ("endpoint", "region"))
        if endpoint is not None and not endpoint.startswith(("https://", "http://")):
            raise Broken(f"The endpoint in FILES_URL begins with https://. {HELP}.")
        path = parts.path.strip("/")
        return cls(parts.netloc, f"{path}/" if path else "", endpoint, region)


class Bucket:
    """`root` is a folder of this machine for what comes and goes."""

    def __init__(self, address: Address, root: Path) -> None:
        self.address, self.root = address, root.resolve()
        self._lock = threading.Lock()
        self._connected: Any = None

    def check(self) -> None:
        with _trouble():
            self._client().head_bucket(Bucket=self.address.bucket)

    def incoming(self) -> Path:
        return fresh(self.root / INCOMING)

    def put(self, given: Path | bytes, key: str) -> None:
        if isinstance(given, bytes):
            passing = self.incoming()
            try:
                passing.write_bytes(given)
                self.put(passing, key)
            finally:
                passing.unlink(missing_ok=True)
            return
        with _trouble():
            self._client().upload_file(str(given), self.address.bucket, self._name(key), Config=_one_thread())
        copy = self._copy(key)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # from another disk: the first who asks fetches it
            given.replace(copy)
        given.unlink(missing_ok=True)

    def get(self, key: str) -> Path:
        copy = self._copy(key)
        with contextlib.suppress(FileNotFoundError):
            os.utime(copy)
            return copy
        copy.parent.mkdir(parents=True, exist_ok=True)
        passing = self.incoming()
        try:
            with _trouble():
                self._client().download_file(self.address.bucket, self._name(key), str(passing), Config=_one_thread())
            passing.replace(copy)
        finally:
            passing.unlink(missing_ok=True)
        return copy

    def remove(self, key: str) -> None:
        with _trouble():
            self._client().delete_object(Bucket=self.address.bucket, Key=self._name(key))
        remove_with_preview(self._copy(key))

    def old(self, age: timedelta) -> Iterator[str]:
        before = datetime.now(UTC) - age
        with _trouble():
            pages = self._client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.address.bucket, Prefix=self.address.prefix):
                for item in page.get("Contents", ()):
                    if item["LastModified"] < before:
                        yield item["Key"].removeprefix(self.address.prefix)

    def tidy(self) -> None:
        """Copies nobody asked for today, and the oldest of the rest when they take too much room."""
        now, kept = time.time(), []
        for path in files_under(self.root):
            with contextlib.suppress(FileNotFoundError):
                told = path.stat()
                kept.append((told.st_mtime, told.st_size, path))
        room = COPIES_BYTES
        for touched, size, path in sorted(kept, reverse=True):
            room -= size
            age = now - touched
            if age > COPY_LIFETIME.total_seconds() or (room < 0 and age > IN_USE.total_seconds()):
                path.unlink(missing_ok=True)

    def _copy(self, key: str) -> Path:
        path = (self.root / COPIES / key).resolve()
        if not path.is_relative_to(self.root / COPIES):
            raise PermissionError(key)
        return path

    def _name(self, key: str) -> str:
        return self.address.prefix + key

    def _client(self) -> Any:
        with self._lock:
            if self._connected is None:
                self._connected = _connect(self.address)
            return self._connected


def _connect(address: Address) -> Any:
    import boto3  # a third of a second at start that only buckets need
    from botocore.config import Config

    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        # Stores that only resemble Amazon's know neither its newer checksums nor a host for each bucket.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if address.endpoint else "auto"},
    )
    session = boto3.session.Session(region_name=address.region)
    region = session.region_name or "us-east-1"
    return session.client("s3", endpoint_url=address.endpoint, region_name=region, config=config)


def _one_thread() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(use_threads=False)


@contextlib.contextmanager
def _trouble() -> Iterator[None]:
    """The store's errors as ours: missing, or out of reach."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in MISSING:
            raise FileNotFoundError(f"The store says {code}.") from error
        raise Unreachable(f"The store says {code}.") from error
    except (BotoCoreError, Boto3Error) as error:
        raise Unreachable(f"The store does not answer: {type(error).__name__}.") from error
