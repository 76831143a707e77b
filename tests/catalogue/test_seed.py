"""The seed catalogue: every price it sells at, and that loading it twice is loading it once."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from sqlalchemy import event, func, select

from app.catalogue.offers import Offers
from app.catalogue.param_schema import coerce, parse_schema
from app.catalogue.price_words import price_words
from app.catalogue.provider_access import ProviderForm, access, list_providers, save_provider
from app.catalogue.provider_kinds import KINDS
from app.catalogue.seed import seed_catalogue
from app.catalogue.seed_files import SeedModel, seed_models, seed_providers
from app.kernel.db import Database, metadata
from app.kernel.errors import NotFound
from app.kernel.secrets import Vault
from app.pricing.matrix import Status
from app.providers.registry import ADAPTERS
from tests.catalogue.golden import FOLDER, matrix_of, price_list

SANDBOX = "http://127.0.0.1:4010"
UNVERIFIED = [
    "flux-2-pro",
    "seedance-1-lite",
    "tts-1-hd",
    "text-embedding-3-small",
    "text-embedding-3-large",
]
LEAST_MARGIN = Fraction(1, 4)

models = pytest.mark.parametrize("model", seed_models(), ids=lambda model: model.alias)


@models
def test_every_price_is_the_golden_one(model: SeedModel):
    golden = FOLDER / f"{model.alias}.txt"
    assert price_list(model) == golden.read_text(encoding="utf-8"), "python -m tests.catalogue.golden writes them anew"


def test_no_golden_text_is_left_over():
    assert {path.stem for path in FOLDER.glob("*.txt")} == {model.alias for model in seed_models()}


@models
def test_every_combination_is_priced_and_earns_a_quarter(model: SeedModel):
    priced = matrix_of(model)
    assert priced.is_complete
    assert not [cell.name for cell in priced.cells if cell.status is not Status.GOOD]
    assert min(cell.margin for cell in priced.cells if cell.margin is not None) >= LEAST_MARGIN
    assert not [finding for finding in priced.findings if finding.kind != "uncosted"]


@models
def test_the_example_is_a_request_the_model_takes(model: SeedModel):
    schema = parse_schema(model.param_schema)
    files = {one.name: "https://example.com/in.png" for one in schema.parameters if one.required and one.is_presence}
    lists = {name: [url] for name, url in files.items() if schema.by_name[name].kind == "array"}
    coerce(schema, {**model.example, **files, **lists})


@models
def test_every_parameter_has_a_title_and_an_order(model: SeedModel):
    parameters = parse_schema(model.param_schema).parameters
    assert all(parameter.title for parameter in parameters)
    assert [parameter.order for parameter in parameters] == list(range(1, len(parameters) + 1))


def test_the_catalogue_is_as_wide_as_promised():
    found = seed_models()
    assert len(found) >= 30
    assert {model.provider for model in found} == {"fal", "replicate", "kie", "openai", "mirror"}
    assert {other.provider for model in found for other in model.others} == {"mirror"}
    assert {model.modality for model in found} == {"image", "video", "audio", "text", "embedding"}
    units = {model.cost.rule["unit"] for model in found}
    assert units == {"image", "megapixel", "second", "video_token", "character", "request", "token"}
    assert {model.pricing_rule is None for model in found} == {True, False}  # fixed prices and formulas
    assert [model.alias for model in found if not model.cost.verified] == UNVERIFIED
    assert all(model.cost.source and model.cost.observed_at <= datetime(2026, 11, 21, tzinfo=UTC) for model in found)


def test_the_kinds_are_those_the_adapters_speak():
    """`providers` is a sibling that may not be imported, so the table is written twice and held equal here."""
    ours = {kind.kind: (kind.base_url, dict(kind.settings)) for kind in KINDS.values()}
    theirs = {name: (adapter.base_url, dict(adapter.settings)) for name, adapter in ADAPTERS.items()}
    assert ours == theirs


def test_seeding_publishes_and_opens_every_model(database: Database, vault: Vault):
    seed_catalogue(database, vault, SANDBOX)
    offers = Offers(database).list()
    assert [offer.alias for offer in offers] == [model.alias for model in seed_models()]
    assert all(offer.version_number == 1 and offer.routes and offer.routes[0].is_sandbox for offer in offers)
    assert all(offer.routes[0].cost_card is not None and offer.example for offer in offers)
    assert [offer.alias for offer in offers if not offer.verified] == UNVERIFIED
    assert [price_words(offer).headline for offer in offers[:2]] == [
        "from 10 credits per image",
        "from 36 credits per megapixel",
    ]


@pytest.mark.one_engine
def test_seeding_again_changes_nothing(database: Database, vault: Vault):
    seed_catalogue(database, vault, SANDBOX)
    before = _counts(database)
    written: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "BEGIN", "PRAGMA")):
            written.append(statement)

    seed_catalogue(database, vault, SANDBOX)
    assert (_counts(database), written) == (before, [])


@pytest.mark.one_engine
def test_sandbox_providers_follow_the_sandbox_to_a_new_port(database: Database, vault: Vault):
    seed_catalogue(database, vault, SANDBOX)
    seed_catalogue(database, vault, "http://127.0.0.1:4011")
    assert {card.provider_id: card.base_url for card in list_providers(database, vault)} == {
        "fal": "http://127.0.0.1:4011/fal",
        "replicate": "http://127.0.0.1:4011/replicate/v1",
        "kie": "http://127.0.0.1:4011/kie",
        "openai": "http://127.0.0.1:4011/openai/v1",
        "mirror": "http://127.0.0.1:4011/mirror/v1",
    }
    fal = access(database, vault, "fal")
    assert fal.settings == {
        "api_url": "http://127.0.0.1:4011/fal",
        "jwks_url": "http://127.0.0.1:4011/fal/.well-known/jwks.json",
        "output_hosts": ["http://127.0.0.1:4011"],
    }


@pytest.mark.one_engine
def test_a_provider_that_went_live_is_left_alone(database: Database, vault: Vault):
    seed_catalogue(database, vault, SANDBOX)
    live = ProviderForm("fal", "https://queue.fal.run", api_key="a-real-key-1234")
    with database.writing() as session:
        save_provider(session, vault, "fal", live, "usr_operator", datetime.now(UTC), allow_sandbox=True)
    seed_catalogue(database, vault, "http://127.0.0.1:4011")
    fal = access(database, vault, "fal")
    assert (fal.base_url, fal.api_key, fal.is_sandbox) == ("https://queue.fal.run", "a-real-key-1234", False)
    assert fal.settings == KINDS["fal"].settings  # nothing of the sandbox is left behind


@pytest.mark.one_engine
def test_without_a_sandbox_the_models_wait_for_keys(database: Database, vault: Vault):
    seed_catalogue(database, vault)
    assert Offers(database).list() == []
    with pytest.raises(NotFound) as refused:
        Offers(database).find("flux-schnell")
    assert refused.value.stable_code == "model_disabled"
    assert {card.key_hint for card in list_providers(database, vault)} == {None}
    assert {seed.kind for seed in seed_providers()} == set(KINDS)


def _counts(database: Database) -> dict[str, int]:
    tables = ("provider", "model", "model_version", "route", "cost_profile", "audit_event")
    with database.read() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one()
            for name in tables
        }
