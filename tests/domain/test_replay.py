"""What would be chosen if a rule were not asked: told from what is stored, and nothing is changed by it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from worlds import GB, INDEXER, NOW, grab_of, offer, oz, searched, world

from domain.accounts import Account
from domain.case import Judged, Lookup, case_of
from domain.gates import OBJECTS, Answer, Verdict
from domain.judging import Candidate, Wanted, judge_all, want_of
from domain.manifest import PolicySpec, ProfileSpec
from domain.ownership import LibraryIndex
from domain.releases import Release
from domain.replay import LEVERS, Replay, candidates_of, lever, read_rules, replay
from domain.wants import Want
from domain.world import Blocked, Outcome, World

OZMA = oz(3)
BAUM = OZMA.authors[0]
ABRIDGED = offer(OZMA, id="a" * 16, infohash="a" * 40, title=f"{BAUM} - {OZMA.title} (Abridged) [M4B]")
SHORT_AND_WRONG = offer(
    OZMA, id="b" * 16, infohash="b" * 40, title=f"{BAUM} - {OZMA.title} (Abridged) [FLAC]", seeders=0
)
GOOD = offer(OZMA, id="c" * 16, infohash="c" * 40)


def candidates(*offers: Release, want: Want = OZMA, proofs: Any = None, **changes: Any) -> tuple[Judged, ...]:
    seen = world(searches=searched(want, *offers), **changes)
    case = case_of(want, PolicySpec(), seen, LibraryIndex(()), NOW, Lookup(seen, (), NOW))
    return candidates_of(case, proofs or {})


def without(*rules: str, of: tuple[Judged, ...], want: Want = OZMA) -> Replay:
    return replay(want, of, rules)


def test_a_release_that_one_rule_refuses_would_be_chosen_without_it():
    made = without("Abridged", of=candidates(ABRIDGED))

    assert made.chosen is None
    assert made.would_choose == ABRIDGED
    [row] = made.candidates
    assert (row.before, row.after) == (Answer.NO, Answer.CONFIRMED)
    assert [verdict.rule for verdict in row.left_out] == ["Abridged"]
    assert row.objections == ()


def test_what_would_make_it_so_is_said():
    assert without("Abridged", of=candidates(ABRIDGED)).levers == ("Abridged: say `abridged: true` in its profile",)


def test_every_other_rule_stands():
    made = without("Abridged", of=candidates(SHORT_AND_WRONG))

    assert made.would_choose is None
    assert made.levers == ()
    assert {verdict.rule for verdict in made.candidates[0].objections} == {"WrongFormat", "NoSeeders"}


def test_several_rules_can_be_left_out_together():
    made = without("Abridged", "WrongFormat", "NoSeeders", of=candidates(SHORT_AND_WRONG))

    assert made.would_choose == SHORT_AND_WRONG
    assert [text.partition(":")[0] for text in made.levers] == ["Abridged", "WrongFormat", "NoSeeders"]


def test_the_new_order_is_that_of_the_preference_among_all_that_would_pass():
    mp3 = offer(OZMA, id="d" * 16, infohash="d" * 40, title=f"{BAUM} - {OZMA.title} (Unabridged) [MP3]")
    better = offer(OZMA, id="e" * 16, infohash="e" * 40, title=f"{BAUM} - {OZMA.title} (Unabridged) [M4B]", seeders=0)

    made = without("NoSeeders", of=candidates(mp3, better, ABRIDGED))

    assert made.chosen == mp3
    assert made.would_choose == better
    assert [row.release for row in made.candidates] == [better, mp3, ABRIDGED]


def test_a_rule_that_refused_nothing_changes_nothing():
    made = without("WrongFormat", of=candidates(GOOD, ABRIDGED))

    assert made.chosen == made.would_choose == GOOD
    assert made.levers == ()
    assert [row.before for row in made.candidates] == [row.after for row in made.candidates]


def test_the_order_of_the_candidates_does_not_matter():
    rows = list(candidates(GOOD, ABRIDGED, SHORT_AND_WRONG))
    expected = without("Abridged", of=tuple(rows))

    for seed in range(5):
        random.Random(seed).shuffle(rows)
        assert without("Abridged", of=tuple(rows)) == expected


def test_of_a_want_with_a_pin_only_the_pinned_release_would_be_chosen():
    pinned = oz(3, pinned=ABRIDGED.id)

    made = without("Blocklisted", of=candidates(GOOD, ABRIDGED, want=pinned), want=pinned)

    assert made.would_choose in (None, ABRIDGED)
    assert made.chosen == made.would_choose


@pytest.mark.parametrize(
    ("seen", "rule", "words"),
    [
        ({"blocklist": (Blocked(id=1, release=GOOD.id, at=NOW),)}, "Blocklisted", "bibliostat unblock"),
        (
            {"claims": (grab_of(OZMA, release=GOOD.id, outcome=Outcome.ABANDONED, detail="stalled"),)},
            "TriedBefore",
            f"override retry {OZMA.key}",
        ),
        (
            {
                "accounts": {
                    INDEXER: Account(
                        indexer=INDEXER,
                        read_at=NOW,
                        ratio=0.5,
                        uploaded_bytes=GB,
                        downloaded_bytes=2 * GB,
                        unsatisfied=1,
                        unsatisfied_limit=50,
                    )
                }
            },
            "RatioLow",
            "spending.ratio_floor",
        ),
        ({"indexers": ("other",)}, "IndexerOff", "override list"),
    ],
)
def test_what_a_person_an_account_or_an_earlier_try_says_is_a_rule_too(seen, rule, words):
    rows = candidates(GOOD, **seen)

    assert without(of=rows).would_choose is None
    made = without(rule, of=rows)
    assert made.would_choose == GOOD
    assert words in made.levers[0]


def test_a_refused_proof_is_left_out_by_its_rule_and_taken_by_force():
    proof = Verdict(gate="proof", rule="RuntimeDiffers", answer=Answer.NO, seen="2:00:00", limit="5:10:00 ± 0:04:00")
    rows = candidates(GOOD, proofs={GOOD.id: [proof]})

    assert without(of=rows).chosen is None
    made = without("RuntimeDiffers", of=rows)
    assert made.would_choose == GOOD
    assert made.levers == (
        f"RuntimeDiffers: if it is the book all the same, say `bibliostat override force {OZMA.key}`",
    )


def test_every_lever_can_be_said_of_any_release():
    gates = ("identity", "shape", "duty", "proof")
    verdicts = [Verdict(gate=gate, rule=rule, answer=Answer.NO) for rule in (*LEVERS, "Novel") for gate in gates]

    for verdict in verdicts:
        said = lever(verdict, OZMA, GOOD)
        assert said.startswith(f"{verdict.rule}: ")
        assert "{want" not in said
        assert "{release" not in said


# --- names of rules --------------------------------------------------------------------------------------------------


def test_rules_are_named_as_they_are_printed_whatever_their_case():
    rows = candidates(ABRIDGED)

    assert read_rules(["identity/Abridged", "abridged", "NOSEEDERS"], rows) == (("Abridged", "NoSeeders"), None)


def test_a_name_that_is_no_rule_is_answered_with_the_nearest():
    _, wrong = read_rules(["Abriged"], candidates(ABRIDGED))

    assert wrong == "no rule is called 'Abriged'; did you mean `Abridged`?"


def test_nothing_offered_is_nothing_chosen():
    seen: World = world()
    case = case_of(OZMA, PolicySpec(), seen, LibraryIndex(()), NOW, Lookup(seen, (), NOW))

    made = replay(OZMA, candidates_of(case, {}), ("Abridged",))

    assert (made.candidates, made.chosen, made.would_choose) == ((), None, None)


class _HardCase(msgspec.Struct, frozen=True):
    wanted: Wanted
    candidates: tuple[Candidate, ...]


def test_every_rule_that_objects_to_a_case_of_the_corpus_can_be_left_out():
    lines = (Path(__file__).parents[1] / "corpus" / "hard_cases.jsonl").read_text().splitlines()
    said: set[str] = set()
    for case in (msgspec.json.decode(line, type=_HardCase) for line in lines):
        for told in judge_all(want_of(case.wanted, ProfileSpec()), case.candidates).verdicts:
            said |= {one.rule for one in told.gates if one.answer in (Answer.NO, Answer.POSSIBLE)}

    assert len(said) > 15
    assert said <= OBJECTS
    assert read_rules(["wordsleftover", "identity/Partial"], ())[0] == ("WordsLeftOver", "Partial")
