"""What a fresh clone has to compile, compiled once and on all cores: each of the test processes would do it for itself.

pytest rewrites every assertion before it compiles a test, which takes longer than anything else that it does at its
start. It offers no door for that, so this uses what its import hook uses.
"""

import compileall
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace

from _pytest.assertion import rewrite

TESTS = Path(__file__).resolve().parents[1]
REWRITTEN = ("test_*.py", "conftest.py")


def compile_everything() -> None:
    """Free when nothing has changed since."""
    tests = sorted(path for pattern in REWRITTEN for path in TESTS.rglob(pattern))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for folder in (TESTS.parent / "app", TESTS / "support"):
            compileall.compile_dir(folder, quiet=1, workers=os.cpu_count() or 1)
        list(pool.map(_rewrite, tests, chunksize=8))


def _rewrite(path: Path) -> None:
    folder = rewrite.get_cache_dir(path)
    compiled = folder / (path.stem + rewrite.PYC_TAIL)
    if rewrite._read_pyc(path, compiled) is None and rewrite.try_makedirs(folder):
        source_hash, code = rewrite._rewrite_test(path, None)
        rewrite._write_pyc(SimpleNamespace(trace=print), code, source_hash, compiled)
