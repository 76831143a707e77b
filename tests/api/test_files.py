"""Files over HTTP: for the workspace they belong to, in ranges, and harmless in a browser."""

from pathlib import Path

import pytest

from app.files.tables import StoredFile
from tests.api.conftest import World
from tests.files import samples


@pytest.fixture
def picture(world: World, tmp_path: Path) -> StoredFile:
    given = samples.picture(tmp_path / "a", size=(800, 600))
    return world.files.keep_upload(given, workspace_id=world.ada_workspace.id)


def test_its_workspace_sees_it_by_session_and_by_key(world: World, picture: StoredFile) -> None:
    for client in (world.signed_in(world.ada), world.with_key(world.ada_workspace, world.ada)):
        answer = client.get(f"/files/{picture.id}")
        assert answer.status_code == 200
        assert answer.content == world.files.open(picture.id)[1].read_bytes()
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-disposition"] == f'inline; filename="{picture.id}.png"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"].startswith("private")
        assert "Cookie" in answer.headers["vary"]


def test_an_operator_sees_it(world: World, picture: StoredFile) -> None:
    assert world.signed_in(world.root).get(f"/files/{picture.id}").status_code == 200


def test_to_any_other_workspace_it_does_not_exist(world: World, picture: StoredFile) -> None:
    for client in (world.signed_in(world.bob), world.with_key(world.bob_workspace, world.bob)):
        foreign = client.get(f"/files/{picture.id}?thumb=1")
        missing = client.get("/files/file_" + "0" * 26)
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json()["error"]["code"] == missing.json()["error"]["code"]


def test_a_key_of_an_operator_is_a_key_of_its_workspace_only(world: World, picture: StoredFile) -> None:
    client = world.with_key(world.bob_workspace, world.root)
    assert client.get(f"/files/{picture.id}").status_code == 404


def test_a_stranger_sees_nothing(world: World, picture: StoredFile) -> None:
    assert world.client().get(f"/files/{picture.id}").status_code == 401


@pytest.mark.parametrize(
    "path", ["..%2f..%2fetc%2fpasswd", "%2e%2e/farebox.sqlite", "file_%00", "..", "incoming", "%ff"]
)
def test_nothing_else_on_the_disk_can_be_named(world: World, picture: StoredFile, path: str) -> None:
    assert world.signed_in(world.ada).get(f"/files/{path}").status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "slice_"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-5", 206, slice(-5, None)),
    ],
)
def test_a_part_may_be_asked_for(world: World, picture: StoredFile, asked: str, status: int, slice_: slice) -> None:
    whole = world.files.open(picture.id)[1].read_bytes()
    answer = world.signed_in(world.ada).get(f"/files/{picture.id}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, whole[slice_])
    assert answer.headers["content-range"].endswith(f"/{len(whole)}")


def test_a_part_beyond_the_end_is_refused(world: World, picture: StoredFile) -> None:
    answer = world.signed_in(world.ada).get(f"/files/{picture.id}", headers={"Range": "bytes=99999999-"})
    assert answer.status_code == 416


def test_what_the_browser_has_is_not_sent_again(world: World, picture: StoredFile) -> None:
    client = world.signed_in(world.ada)
    etag = client.get(f"/files/{picture.id}").headers["etag"]
    again = client.get(f"/files/{picture.id}", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"/files/{picture.id}?thumb=1", headers={"If-None-Match": etag}).status_code == 200


def test_a_download_is_an_attachment(world: World, picture: StoredFile) -> None:
    answer = world.signed_in(world.ada).get(f"/files/{picture.id}?download=1")
    assert answer.headers["content-disposition"].startswith("attachment")


def test_a_preview_is_a_small_webp(world: World, picture: StoredFile) -> None:
    answer = world.signed_in(world.ada).get(f"/files/{picture.id}?thumb=1")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.content[8:12] == b"WEBP"


def test_a_sound_has_none(world: World, tmp_path: Path) -> None:
    given = samples.sound(tmp_path / "a.wav")
    kept = world.files.keep_upload(given, workspace_id=world.ada_workspace.id)
    answer = world.signed_in(world.ada).get(f"/files/{kept.id}?thumb=1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_preview")


def test_its_head_alone(world: World, picture: StoredFile) -> None:
    answer = world.signed_in(world.ada).head(f"/files/{picture.id}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == picture.size_bytes
