"""Keeping files: once, completely, and only inside our own folder."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlmodel import select

from app.accounts.tables import Workspace
from app.files.store import Files, Unreadable
from app.files.tables import StoredFile
from app.kernel.clock import now
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.ids import new_id
from tests.files import samples

GENERATION = "gen_01JBZ0000000000000000000AA"


@pytest.fixture
def workspace_id(database: Database) -> str:
    workspace = Workspace(id=new_id("ws"), name="Ada & Co", created_at=now())
    with database.writing() as session:
        session.add(workspace)
    return workspace.id


@pytest.fixture
def files(database: Database, tmp_path: Path) -> Files:
    return Files(database, tmp_path / "files")


def on_disk(files: Files) -> list[Path]:
    return sorted(path for path in files.root.rglob("*") if path.is_file())


@pytest.mark.one_engine
def test_an_output_is_kept_with_what_it_measures(files: Files, workspace_id: str, tmp_path: Path) -> None:
    given = samples.video(tmp_path / "given.bin", "-f", "mp4")
    content = given.read_bytes()
    kept = asyncio.run(files.keep(str(given), workspace_id=workspace_id, generation_id=GENERATION, position=0))
    assert (kept.kind, kept.mime, kept.width, kept.height) == ("video", "video/mp4", 96, 64)
    assert (kept.duration_micros, kept.size_bytes) == (1_000_000, len(content))
    assert not given.exists()
    row, path = files.open(kept.id)
    assert row.sha256 == kept.sha256
    assert path.read_bytes() == content
    assert path.relative_to(files.root).as_posix() == f"{kept.sha256[:2]}/{kept.id}.mp4"


def test_the_same_output_again_is_the_first_one(files: Files, workspace_id: str, tmp_path: Path) -> None:
    def keep(name: str, position: int) -> StoredFile:
        given = samples.picture(tmp_path / name)
        return files.keep_now(given, workspace_id=workspace_id, generation_id=GENERATION, position=position)

    first, again, second = keep("a", 0), keep("b", 0), keep("c", 1)
    assert again.id == first.id != second.id
    assert [row.id for row in files.of_generation(GENERATION)] == [first.id, second.id]
    assert len(on_disk(files)) == 2
    assert list(tmp_path.glob("?")) == []


def test_two_who_keep_the_same_output_at_once_agree(
    files: Files, workspace_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(name: str) -> StoredFile:
        given = samples.picture(tmp_path / name)
        return files.keep_now(given, workspace_id=workspace_id, generation_id=GENERATION, position=0)

    winner: list[StoredFile] = []
    put = files.shelf.put

    def overtaken(given: Path, key: str) -> None:
        put(given, key)
        if not winner:
            winner.append(None)  # type: ignore[arg-type]
            winner[0] = keep("other")

    monkeypatch.setattr(files.shelf, "put", overtaken)
    assert keep("mine").id == winner[0].id
    assert [path.stem for path in on_disk(files)] == [winner[0].id]


@pytest.mark.one_engine
@pytest.mark.parametrize("as_bytes", [True, False], ids=["bytes", "path"])
def test_what_is_laid_down_is_on_the_platter_with_its_name(
    files: Files, workspace_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_bytes: bool
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))

    def lay_down(position: int) -> Path:
        synced.clear()
        given = samples.picture(tmp_path / "given")
        row = files.lay_down(
            given.read_bytes() if as_bytes else given,
            workspace_id=workspace_id,
            generation_id=GENERATION,
            position=position,
        )
        return files.root / row.path

    def inodes(*paths: Path) -> list[int]:
        return [path.stat().st_ino for path in paths]

    file = lay_down(0)
    assert synced == inodes(file, file.parent, files.root)
    file = lay_down(1)
    assert synced == inodes(file, file.parent)
    assert files.of_generation(GENERATION) == []


@pytest.mark.one_engine
def test_uploads_are_kept_each(files: Files, workspace_id: str, tmp_path: Path) -> None:
    ids = {files.keep_upload(samples.picture(tmp_path / name), workspace_id=workspace_id).id for name in ("one", "two")}
    assert len(ids) == 2


@pytest.mark.one_engine
def test_what_cannot_be_opened_is_not_kept(files: Files, workspace_id: str, tmp_path: Path, database: Database) -> None:
    given = tmp_path / "page.png"
    given.write_text("<html>")
    with pytest.raises(Unreadable):
        files.keep_now(given, workspace_id=workspace_id)
    assert not given.exists()
    assert on_disk(files) == []
    with database.reading() as session:
        assert session.exec(select(StoredFile)).all() == []


@pytest.mark.one_engine
def test_an_upload_may_weigh_what_its_kind_may(
    files: Files, workspace_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.files.store.UPLOAD_LIMIT_BYTES", {"image": 10, "video": 10**9, "audio": 10})
    with pytest.raises(InvalidInput) as refused:
        files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    assert refused.value.stable_code == "file_too_large"
    assert files.keep_upload(samples.video(tmp_path / "b.mp4"), workspace_id=workspace_id)
    assert files.keep_now(samples.picture(tmp_path / "c"), workspace_id=workspace_id)


@pytest.mark.one_engine
@pytest.mark.parametrize("file_id", ["", "../../etc/passwd", "file_", "file_" + "0" * 26, "gen_" + "0" * 26, "a\0b"])
def test_there_is_no_such_file(files: Files, file_id: str) -> None:
    with pytest.raises(NotFound):
        files.open(file_id)


@pytest.mark.one_engine
@pytest.mark.parametrize("path", ["../outside.png", "/etc/passwd", "aa/../../outside.png", "link/outside.png"])
def test_a_row_that_points_outside_is_not_followed(
    files: Files, workspace_id: str, tmp_path: Path, database: Database, path: str
) -> None:
    samples.picture(tmp_path / "outside.png")
    kept = files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    (files.root / "link").symlink_to(tmp_path)
    with database.writing() as session:
        row = session.get(StoredFile, kept.id)
        assert row is not None
        row.path = path
    with pytest.raises(NotFound):
        files.open(kept.id)
    with pytest.raises(NotFound):
        files.delete(kept.id)
    assert (tmp_path / "outside.png").exists()


@pytest.mark.one_engine
def test_bytes_that_are_gone_are_not_found(files: Files, workspace_id: str, tmp_path: Path) -> None:
    kept = files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    files.open(kept.id)[1].unlink()
    with pytest.raises(NotFound) as refused:
        files.open(kept.id)
    assert refused.value.stable_code == "file_gone"


def test_a_deleted_file_leaves_nothing(files: Files, workspace_id: str, tmp_path: Path) -> None:
    kept = files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    files.preview(kept.id)
    assert len(on_disk(files)) == 2
    files.delete(kept.id)
    files.delete(kept.id)
    assert on_disk(files) == []
    with pytest.raises(NotFound):
        files.find(kept.id)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("size", "mode", "kind"), [((2048, 1024), "RGB", "JPEG"), ((1024, 512), "RGBA", "PNG"), ((40, 20), "P", "GIF")]
)
def test_a_preview_is_small_and_made_once(
    files: Files, workspace_id: str, tmp_path: Path, size: tuple[int, int], mode: str, kind: str
) -> None:
    kept = files.keep_upload(samples.picture(tmp_path / "a", kind, size=size, mode=mode), workspace_id=workspace_id)
    path = files.preview(kept.id)
    made = path.stat().st_mtime_ns
    assert files.preview(kept.id).stat().st_mtime_ns == made
    with Image.open(path) as image:
        assert image.format == "WEBP"
        assert max(image.size) == min(512, size[0])
        assert abs(image.width / image.height - 2) < 0.01


@pytest.mark.one_engine
def test_a_video_shows_its_first_frame_the_right_way_up(files: Files, workspace_id: str, tmp_path: Path) -> None:
    flat = samples.video(tmp_path / "flat.mp4", size="640x320")
    samples.ffmpeg("-display_rotation", "90", "-i", str(flat), "-c", "copy", str(tmp_path / "upright.mp4"))
    kept = files.keep_upload(tmp_path / "upright.mp4", workspace_id=workspace_id)
    with Image.open(files.preview(kept.id)) as image:
        assert image.size == (256, 512)


@pytest.mark.one_engine
def test_a_sound_has_no_preview(files: Files, workspace_id: str, tmp_path: Path) -> None:
    kept = files.keep_upload(samples.sound(tmp_path / "a.wav"), workspace_id=workspace_id)
    with pytest.raises(NotFound) as refused:
        files.preview(kept.id)
    assert refused.value.stable_code == "no_preview"


@pytest.mark.one_engine
def test_what_a_crash_left_behind_is_swept_and_nothing_else(files: Files, workspace_id: str, tmp_path: Path) -> None:
    kept = files.keep_upload(samples.picture(tmp_path / "a"), workspace_id=workspace_id)
    files.preview(kept.id)
    half = files.incoming()
    orphan = files.root / "aa" / "bb" / f"{new_id('file')}.png"
    orphan.parent.mkdir(parents=True)
    young = files.incoming()
    for path in (half, orphan, young):
        path.write_bytes(b"left behind")
    for path in (*on_disk(files),):
        if path != young:
            os.utime(path, (0, 0))
    assert files.sweep(timedelta(hours=1)) == 2
    assert not half.exists()
    assert not orphan.exists()
    assert young.exists()
    assert files.open(kept.id)
