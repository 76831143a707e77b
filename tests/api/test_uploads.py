"""Uploads: what it is decides, not what it says it is."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.files.keeping import Keeping
from app.files.store import UPLOAD_LIMIT_BYTES
from tests.api.conftest import OURS, World
from tests.files import samples

PICTURE = samples.picture_bytes()


def left_on_disk(world: World) -> list[Path]:
    return [path for path in world.files.root.rglob("*") if path.is_file()]


def test_a_key_uploads_a_picture_under_any_name(world: World) -> None:
    client = world.with_key(world.ada_workspace, world.ada)
    answer = client.post("/uploads", files={"file": ("../../evil.html", PICTURE, "text/html")})
    assert answer.status_code == 201
    said = answer.json()
    file_id = said.pop("id")
    assert said.pop("created_at")
    assert said == {
        "url": f"/files/{file_id}",
        "kind": "image",
        "mime": "image/png",
        "width": 64,
        "height": 48,
        "bytes": len(PICTURE),
        "sha256": hashlib.sha256(PICTURE).hexdigest(),
    }
    assert client.get(said["url"]).content == PICTURE
    assert [path.name for path in left_on_disk(world)] == [f"{file_id}.png"]


def test_a_person_uploads_from_our_own_pages(world: World) -> None:
    client = world.signed_in(world.ada)
    assert client.post("/uploads", files={"file": PICTURE}, headers=OURS).status_code == 201
    assert client.post("/uploads", files={"file": PICTURE}).status_code == 403
    assert (
        client.post("/uploads", files={"file": PICTURE}, headers={"Origin": "https://evil.example"}).status_code == 403
    )


def test_nobody_else_uploads(world: World) -> None:
    assert world.client().post("/uploads", files={"file": PICTURE}, headers=OURS).status_code == 401
    no_workspace = world.signed_in(world.root).post("/uploads", files={"file": PICTURE}, headers=OURS)
    assert no_workspace.json()["error"]["code"] == "no_workspace"
    client = world.signed_in(world.ada)
    world.accounts.people.suspend(world.ada_workspace.id)
    suspended = client.post("/uploads", files={"file": PICTURE}, headers=OURS)
    assert suspended.json()["error"]["code"] == "workspace_suspended"
    assert left_on_disk(world) == []


@pytest.mark.parametrize(
    "content",
    [b"<html><script>alert(1)</script>", b"<svg onload='alert(1)'/>", b"", b"GIF89a<script>", b"\x7fELF" + b"\0" * 99],
    ids=["a web page", "a drawing", "nothing", "half a picture, half a script", "a program"],
)
def test_what_is_no_picture_video_or_sound_is_refused(world: World, content: bytes) -> None:
    client = world.with_key(world.ada_workspace, world.ada)
    answer = client.post("/uploads", files={"file": ("a.png", content, "image/png")})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unreadable_file"
    assert left_on_disk(world) == []


def test_each_kind_has_its_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UPLOAD_LIMIT_BYTES, "image", len(PICTURE) - 1)
    answer = world.with_key(world.ada_workspace, world.ada).post("/uploads", files={"file": PICTURE})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "file_too_large")
    assert left_on_disk(world) == []


@pytest.mark.parametrize("announced", [True, False], ids=["said beforehand", "found while streaming"])
def test_the_whole_has_a_limit(world: World, monkeypatch: pytest.MonkeyPatch, announced: bool) -> None:
    monkeypatch.setattr("app.api.uploads.UPLOAD_LIMIT_BYTES", {"image": 1000})
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = head + b"x" * 200_000 + b"\r\n--b--\r\n"

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    client = world.with_key(world.ada_workspace, world.ada)
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/uploads", content=body if announced else pieces(), headers=kind)
    assert answer.status_code == 413
    assert left_on_disk(world) == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"x", "multipart/form-data"),
        (b"nonsense", "multipart/form-data; boundary=b"),
        (
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="x"; filename="x"\r\n\r\nx\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
    ],
    ids=["no form", "no boundary", "broken", "a field that is no file", "a file in another field"],
)
def test_what_is_no_upload_is_explained(world: World, content: bytes, kind: str) -> None:
    client = world.with_key(world.ada_workspace, world.ada)
    answer = client.post("/uploads", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "file" in answer.json()["error"]["message"] or "form" in answer.json()["error"]["message"]


def test_a_video_is_measured(world: World, tmp_path: Path) -> None:
    content = samples.video(tmp_path / "a.mp4").read_bytes()
    said = world.with_key(world.ada_workspace, world.ada).post("/uploads", files={"file": content}).json()
    assert (said["kind"], said["mime"], said["width"], said["height"]) == ("video", "video/mp4", 96, 64)


def test_uploads_are_listed_and_deleted_by_their_own_workspace_only(world: World) -> None:
    ada, bob = world.with_key(world.ada_workspace, world.ada), world.with_key(world.bob_workspace, world.bob)
    first, second = (ada.post("/uploads", files={"file": PICTURE}).json()["id"] for _ in range(2))
    listed = ada.get("/uploads").json()
    assert [one["id"] for one in listed["data"]] == [second, first]
    assert (listed["used_bytes"], listed["quota_bytes"]) == (2 * len(PICTURE), 5_000 * 1024 * 1024)
    assert [one["id"] for one in ada.get(f"/uploads?before={second}").json()["data"]] == [first]
    assert bob.get("/uploads").json()["data"] == []
    assert bob.delete(f"/files/{first}").status_code == 404
    assert world.signed_in(world.ada).delete(f"/files/{first}").status_code == 403  # another site's doing
    gone = ada.delete(f"/files/{first}")
    assert gone.json() == {
        "id": first, "object": "file", "deleted": True, "sha256": hashlib.sha256(PICTURE).hexdigest()
    }  # fmt: skip
    assert ada.delete(f"/files/{first}").status_code == 200
    assert (ada.get(f"/files/{first}").status_code, ada.get(f"/files/{first}?thumb=1").status_code) == (410, 410)
    assert [one["id"] for one in ada.get("/uploads").json()["data"]] == [second]


def test_what_has_no_room_is_refused_and_not_kept(world: World) -> None:
    ada = world.with_key(world.ada_workspace, world.ada)
    world.files.keepings.house = Keeping(uploads_mb=0)
    answer = ada.post("/uploads", files={"file": PICTURE})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "upload_quota_reached")
    assert left_on_disk(world) == []
