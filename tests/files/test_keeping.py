"""How long files are kept and how much room uploads have: the installation's rule, and a workspace's own."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from app.accounts.tables import Workspace
from app.files.keeping import MB, Keeping, Own
from app.files.store import Expired, Files, QuotaReached
from app.files.tables import StoredFile
from app.kernel.db import Database
from app.kernel.errors import InvalidInput
from app.kernel.ids import new_id
from tests.files import samples

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GENERATION = "gen_01JBZ0000000000000000000AA"


class Shop:
    """Files under a clock that a test sets."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self.now = database, folder, START
        self.files = Files(database, folder / "files", lambda: self.now, keep=Keeping(days=30, uploads_mb=1))
        self.given = 0

    def workspace(self) -> str:
        made = Workspace(id=new_id("ws"), name="Ada & Co", created_at=START)
        with self.database.writing() as session:
            session.add(made)
        return made.id

    def output(self, workspace_id: str, position: int = 0) -> StoredFile:
        return self.files.keep_now(
            self.picture(), workspace_id=workspace_id, generation_id=new_id("gen"), position=position
        )

    def picture(self) -> Path:
        self.given += 1
        return samples.picture(self.folder / f"given-{self.given}")

    def heavy(self) -> Path:
        """A picture of some 400 kB."""
        self.given += 1
        path = self.folder / f"given-{self.given}"
        Image.effect_noise((650, 650), 100).save(path, "PNG")
        return path


@pytest.fixture
def shop(sqlite_url: str, tmp_path: Path) -> Shop:
    return Shop(Database(sqlite_url), tmp_path)


def test_what_was_kept_long_enough_loses_its_content_and_keeps_its_row(shop: Shop) -> None:
    usual, longer, shorter = shop.workspace(), shop.workspace(), shop.workspace()
    shop.files.keepings.set(longer, Own(days=60))
    shop.files.keepings.set(shorter, Own(days=7))
    kept = {name: shop.output(name) for name in (usual, longer, shorter)}
    shop.files.preview(kept[shorter].id)

    def gone_after(days: int) -> set[str]:
        shop.now = START + timedelta(days=days, minutes=1)
        shop.files.expire_due()
        return {name for name, file in kept.items() if shop.files.find(file.id).expired_at is not None}

    assert [gone_after(days) for days in (6, 7, 29, 30, 59, 60)] == [
        set(), {shorter}, {shorter}, {shorter, usual}, {shorter, usual}, {shorter, usual, longer}
    ]  # fmt: skip
    assert [path for path in shop.files.root.rglob("*") if path.is_file()] == []
    row = shop.files.find(kept[usual].id)
    assert (row.sha256, row.expired_why) == (kept[usual].sha256, "age")
    with pytest.raises(Expired, match="kept until 31 March 2026"):
        shop.files.open(row.id)
    assert shop.files.expire_due() == 0


def test_without_a_rule_files_stay(shop: Shop) -> None:
    shop.files.keepings.house = Keeping()
    shop.output(shop.workspace())
    shop.now = START + timedelta(days=9_000)
    assert shop.files.expire_due() == 0


def test_bytes_that_outlive_a_crash_are_swept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = shop.output(shop.workspace())

    def killed(key: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shop.files.shelf, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.files.expire(kept.id)
    assert shop.files.find(kept.id).expired_at == START
    assert shop.files.sweep(timedelta(seconds=-1)) == 1


def test_uploads_have_room_and_outputs_take_none_of_it(shop: Shop) -> None:
    mine, other = shop.workspace(), shop.workspace()
    shop.files.keepings.house = Keeping(uploads_mb=1)
    weight = shop.heavy().stat().st_size
    fits = MB // weight
    assert fits >= 1
    shop.output(mine)
    kept = [shop.files.keep_upload(shop.heavy(), workspace_id=mine) for _ in range(fits)]
    with pytest.raises(QuotaReached):
        shop.files.keep_upload(shop.heavy(), workspace_id=mine)
    assert shop.files.keep_upload(shop.heavy(), workspace_id=other)
    shop.files.keepings.set(mine, Own(uploads_mb=2))
    assert shop.files.keep_upload(shop.heavy(), workspace_id=mine)
    shop.files.keepings.set(mine, Own())
    with pytest.raises(QuotaReached):
        shop.files.keep_upload(shop.heavy(), workspace_id=mine)
    for file in (*kept, *shop.files.uploads(mine)):
        shop.files.expire(file.id)
    assert shop.files.keep_upload(shop.heavy(), workspace_id=mine)


def test_uploads_that_arrive_together_share_the_room(database: Database, tmp_path: Path) -> None:
    """Everybody has looked before anybody has written; the one who adds under the lock is believed."""
    shop = Shop(database, tmp_path)
    mine = shop.workspace()
    pictures = [shop.heavy() for _ in range(6)]
    fits = MB // pictures[0].stat().st_size
    assert 0 < fits < 6
    meet, put = threading.Barrier(6), shop.files.shelf.put

    def together(given: Path, key: str) -> None:
        meet.wait(60)
        put(given, key)

    shop.files.shelf.put = together  # type: ignore[method-assign]
    refused, failures = _all(shop.files, mine, pictures)
    if failures:
        raise BaseExceptionGroup("uploads failed", failures)
    assert len(refused) == 6 - fits
    assert len([path for path in shop.files.root.rglob("*") if path.is_file()]) == fits


def _all(files: Files, mine: str, pictures: list[Path]) -> tuple[list[QuotaReached], list[BaseException]]:
    refused: list[QuotaReached] = []
    failures: list[BaseException] = []

    def one(picture: Path) -> None:
        try:
            files.keep_upload(picture, workspace_id=mine)
        except QuotaReached as full:
            refused.append(full)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(picture,)) for picture in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused, failures


@pytest.mark.parametrize("own", [Own(days=0), Own(days=-1), Own(days=4_000), Own(uploads_mb=0)], ids=str)
def test_a_rule_makes_sense(shop: Shop, own: Own) -> None:
    make: Callable[[], None] = lambda: shop.files.keepings.set(shop.workspace(), own)  # noqa: E731
    with pytest.raises(InvalidInput):
        make()
