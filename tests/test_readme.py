"""The documents name only what exists: files, make targets, commands and models."""

import re
from pathlib import Path

import pytest

from app.catalogue.seed_files import seed_models
from app.cli import parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    links = [link for link in re.findall(r"\]\(([^)#]+)", page.read_text()) if not link.startswith("http")]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_place_in_the_house_exists(page):
    places = re.findall(r"`((?:app|tests)/[\w/.-]*?)`", page.read_text())
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"(?:^ {4}|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    assert named <= targets


def test_every_command_exists():
    usage = parser().format_help()
    named = {name for page in PAGES for name in re.findall(r"python -m app ([a-z]+)", page.read_text())}
    assert {name for name in named if not re.search(rf"^ +{name}\b", usage, re.MULTILINE)} == set()


def test_the_readme_asks_for_a_model_that_is_sold():
    named = set(re.findall(r'"model": "([^"]+)"', (ROOT / "README.md").read_text()))
    assert named
    assert named <= {model.alias for model in seed_models()}
