"""Files in a bucket, over HTTP: the same promises as in a folder, and what a store out of reach means."""

import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from sqlmodel import select

from app.accounts.tables import Workspace
from app.commands import doctor
from app.files.bucket import Address, Bucket
from app.files.keeping import Keeping
from app.files.store import Expired, Files, StorageBusy
from app.files.tables import StoredFile
from app.kernel.clock import now
from app.kernel.db import Database
from app.kernel.errors import Broken, NotFound
from app.kernel.ids import new_id
from tests.files import samples
from tests.support.house import settings_for

GENERATION = "gen_01JBZ0000000000000000000AA"


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The address of an S3 that keeps everything in memory."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture
def url(store: str) -> str:
    """A bucket of this test's own."""
    name = new_id("file").lower().replace("_", "-")
    _client(store).create_bucket(Bucket=name)
    return f"s3://{name}/kept?endpoint={store}&region=us-east-1"


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    opened.dispose()


@pytest.fixture
def workspace_id(database: Database) -> str:
    made = Workspace(id=new_id("ws"), name="Ada & Co", created_at=now())
    with database.writing() as session:
        session.add(made)
    return made.id


@pytest.fixture
def files(database: Database, tmp_path: Path, url: str) -> Files:
    return Files(database, tmp_path / "here", url=url)


def _client(endpoint: str) -> Any:
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")


def stored(url: str, store: str) -> list[str]:
    found = _client(store).list_objects_v2(Bucket=Address.parse(url).bucket)
    return [item["Key"] for item in found.get("Contents", ())]


def test_what_one_machine_keeps_another_serves(
    files: Files, database: Database, workspace_id: str, tmp_path: Path, url: str, store: str
) -> None:
    given = samples.video(tmp_path / "given.mp4")
    content = given.read_bytes()
    kept = files.keep_now(given, workspace_id=workspace_id, generation_id=GENERATION, position=0)
    assert not given.exists()
    assert stored(url, store) == [f"kept/{kept.sha256[:2]}/{kept.id}.mp4"]
    elsewhere = Files(database, tmp_path / "there", url=url)
    row, path = elsewhere.open(kept.id)
    assert (row.sha256, path.read_bytes()) == (kept.sha256, content)
    assert path.is_relative_to(tmp_path / "there")
    assert elsewhere.preview(kept.id).stat().st_size > 0
    again = elsewhere.keep_now(
        samples.picture(tmp_path / "b"), workspace_id=workspace_id, generation_id=GENERATION, position=0
    )
    assert again.id == kept.id
    assert len(stored(url, store)) == 1


def test_a_copy_that_goes_is_fetched_again(files: Files, workspace_id: str, tmp_path: Path) -> None:
    kept = files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    first = files.open(kept.id)[1]
    content = first.read_bytes()
    files.shelf.tidy()
    assert first.exists()
    os.utime(first, (0, 0))
    files.shelf.tidy()
    assert not first.exists()
    assert files.open(kept.id)[1].read_bytes() == content


def test_the_oldest_copies_make_room(
    files: Files, workspace_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [files.keep_upload(samples.picture(tmp_path / name), workspace_id=workspace_id) for name in "abc"]
    paths = [files.open(one.id)[1] for one in kept]
    hour = 3_600
    for path, age in zip(paths, (3 * hour, 2 * hour, 0), strict=True):
        moment = path.stat().st_mtime - age
        os.utime(path, (moment, moment))
    monkeypatch.setattr("app.files.bucket.COPIES_BYTES", sum(path.stat().st_size for path in paths[1:]))
    files.shelf.tidy()
    assert [path.exists() for path in paths] == [False, True, True]
    monkeypatch.setattr("app.files.bucket.COPIES_BYTES", 0)
    files.shelf.tidy()
    assert [path.exists() for path in paths] == [False, False, True]  # somebody may be about to read it


def test_expired_and_deleted_files_leave_the_bucket(
    files: Files, workspace_id: str, tmp_path: Path, url: str, store: str
) -> None:
    files.keepings.house = Keeping(days=1)
    old, gone = (files.keep_upload(samples.picture(tmp_path / name), workspace_id=workspace_id) for name in "ab")
    files.delete(gone.id)
    assert len(stored(url, store)) == 1
    later = now() + timedelta(days=2)
    files.keepings._now = lambda: later
    assert files.expire_due() == 1
    assert stored(url, store) == []
    with pytest.raises(Expired):
        files.open(old.id)


def test_what_no_row_speaks_of_is_swept(files: Files, workspace_id: str, tmp_path: Path, url: str, store: str) -> None:
    kept = files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    bucket = Address.parse(url).bucket
    _client(store).put_object(Bucket=bucket, Key=f"kept/aa/bb/{new_id('file')}.png", Body=b"left behind")
    _client(store).put_object(Bucket=bucket, Key="other/thing", Body=b"not ours")
    assert files.sweep(timedelta(hours=1)) == 0
    assert files.sweep(timedelta(seconds=-60)) == 1
    assert sorted(key.partition("/")[0] for key in stored(url, store)) == ["kept", "other"]
    assert files.open(kept.id)


@pytest.mark.parametrize("path", ["../outside.png", "/etc/passwd", "aa/../../../outside.png"])
def test_a_row_that_points_outside_is_not_followed(
    files: Files, workspace_id: str, tmp_path: Path, database: Database, path: str
) -> None:
    kept = files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    with database.writing() as session:
        row = session.exec(select(StoredFile)).one()
        row.path = path
    with pytest.raises(NotFound):
        files.open(kept.id)


def test_content_that_somebody_deleted_in_the_bucket_is_not_found(
    files: Files, workspace_id: str, tmp_path: Path, database: Database, url: str
) -> None:
    kept = files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    files.shelf.remove(kept.path)
    with pytest.raises(NotFound) as refused:
        Files(database, tmp_path / "there", url=url).open(kept.id)
    assert refused.value.stable_code == "file_gone"


def test_a_store_out_of_reach_loses_nothing(
    database: Database, workspace_id: str, tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.files.bucket.ATTEMPTS", 1)
    kept = files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    away = Files(database, tmp_path / "there", url="s3://nobody?endpoint=http://127.0.0.1:1&region=us-east-1")
    with pytest.raises(StorageBusy):
        away.keep_upload(samples.picture(tmp_path / "b"), workspace_id=workspace_id)
    with pytest.raises(OSError, match="does not answer"):  # what a delivery waits out and repeats
        away.keep_now(samples.picture(tmp_path / "c"), workspace_id=workspace_id, generation_id=GENERATION, position=0)
    with pytest.raises(StorageBusy):
        away.open(kept.id)
    with pytest.raises(OSError, match="does not answer"):
        away.check()
    assert files.open(kept.id)


def test_the_doctor_says_whether_files_can_be_kept(tmp_path: Path, url: str) -> None:
    from dataclasses import replace

    settings = replace(settings_for(tmp_path, "sqlite://", "http://127.0.0.1:1"), files_url=url)
    assert [finding.well for finding in doctor._files(settings)] == [True]
    missing = replace(settings, files_url=url.replace("s3://", "s3://not-"))
    assert [finding.well for finding in doctor._files(missing)] == [False]
    folder = replace(settings, files_url=None)
    assert [finding.well for finding in doctor._files(folder)] == [True]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://files", Address("files")),
        ("s3://files/a/b/?region=eu-central-1", Address("files", "a/b/", None, "eu-central-1")),
        ("s3://files?endpoint=https://s3.example.com", Address("files", "", "https://s3.example.com")),
        ("s3://", None),
        ("https://files", None),
        ("s3://key:secret@files", None),
        ("s3://files?endpoint=ftp://s3", None),
        ("s3://files?secret=1", None),
    ],
)
def test_addresses(url: str, address: Address | None) -> None:
    if address is None:
        with pytest.raises(Broken):
            Address.parse(url)
    else:
        assert Bucket(Address.parse(url), Path()).address == address
