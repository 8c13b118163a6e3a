"""The bench of the catalogue's requests, in seconds: its claims hold for a small household, and it tells when not."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from adapters.web import Limits
from bench import catalogue_requests
from bench.catalogue_requests import QUOTAS, main
from handlers.settings import CatalogueSettings
from handlers.sources import LIMITS


def test_the_gaps_of_a_household_fit_into_the_day_of_every_source(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--small"])

    said = capsys.readouterr().out
    assert code == 0, said
    assert "20 books, to look up: 10 series and 4 authors" in said
    assert "FAILED" not in said
    assert said.count("held  ") == 6


def test_a_day_that_is_too_short_is_a_claim_that_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    short: Mapping[str, Limits] = {name: msgspec.structs.replace(one, per_day=2) for name, one in QUOTAS.items()}
    monkeypatch.setattr(catalogue_requests, "QUOTAS", short)

    code = main(["--books", "10"])

    assert code == 1
    assert "FAILED  every source answered about every subject" in capsys.readouterr().out


def test_the_quotas_are_those_that_are_kept_to() -> None:
    assert all(LIMITS[name.split("/")[0]] == limits for name, limits in QUOTAS.items())
    assert {name.split("/")[0] for name in QUOTAS} >= {*CatalogueSettings().asked, "hardcover"}
    assert {f"audible/{region}" for region in CatalogueSettings().audible_regions} <= set(QUOTAS)
