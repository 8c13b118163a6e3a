"""On every labelled case of the repository nothing wrong is confirmed, and what is offered is found."""

from __future__ import annotations

import msgspec
import pytest

from bench import corpus


@pytest.mark.parametrize("name", corpus.SETS | corpus.SILENT)
def test_nothing_wrong_is_confirmed_and_the_right_release_is_found(name):
    measured = corpus.measure((corpus.SETS | corpus.SILENT)[name]())

    assert measured.wrong == []
    assert measured.total["offered"] > 50
    if name in corpus.SETS:
        assert measured.found >= corpus.LEAST_FOUND, measured.missed


def test_each_right_release_of_the_hard_cases_is_confirmed():
    total = corpus.measure(corpus.hard_cases()).total

    assert total["right confirmed"] == total["right"]


def test_no_two_names_of_different_things_are_merged():
    assert corpus.wrong_merges() == []


def test_a_wrong_release_that_is_confirmed_fails_the_measurement():
    cases = [case for case in corpus.hard_cases() if case.right]
    mislabelled = [msgspec.structs.replace(case, right=frozenset()) for case in cases]

    measured = corpus.measure(mislabelled)

    assert len(measured.wrong) == sum(len(case.right) for case in cases)
