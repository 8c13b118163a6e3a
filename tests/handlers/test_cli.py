"""The command line: what it prints, what it records, and the exit codes that programs rely on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

import pytest

from handlers.cli import main

OZ = """\
apiVersion: bibliostat/v1
kind: Series
metadata: {name: oz, owner: home}
spec:
  title: Oz
  author: L. Frank Baum
  books:
    - {position: "1", title: The Wonderful Wizard of Oz}
    - {position: "8", title: Tik-Tok of Oz}
"""

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path, monkeypatch, capfd) -> Say:
    """`say("plan")` -> exit code, what it printed, what it complained about; in a folder with two Oz books wanted."""
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "oz.yaml").write_text(OZ)
    for name in [name for name in os.environ if name.startswith("BIBLIOSTAT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIBLIOSTAT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BIBLIOSTAT_INDEXERS_OFF", "librivox")
    monkeypatch.setenv("BIBLIOSTAT_CATALOGUE_OFF", "audible,audiosilo,audnexus,openlibrary,librivox")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bibliostat", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_validate_accepts_a_good_folder_and_names_every_mistake_of_a_bad_one(say, tmp_path):
    assert say("validate")[0] == 0

    (tmp_path / "wanted" / "bad.yaml").write_text(OZ.replace("name: oz", "name: two").replace("author:", "autor:"))
    code, out, err = say("validate")

    assert code == 1
    assert "wanted/bad.yaml:6: spec.autor" in out
    assert "author" in out.split("wanted/bad.yaml:6")[1]
    assert "mistake" in err


def test_schema_is_json_that_knows_every_kind(say):
    code, out, _ = say("schema")

    assert code == 0
    words = set(json.dumps(json.loads(out)).replace('"', " ").split())
    assert words >= {"Series", "Author", "Book", "Follow", "Discover", "Profile", "Policy"}


def test_without_a_library_nothing_is_planned_and_the_plan_says_why(say):
    code, out, _ = say("plan", "--json")
    plan = json.loads(out)

    assert code == 1
    assert plan["settled"] is False
    assert plan["complete"] is False
    assert {decision["reason"] for decision in plan["decisions"]} == {"LibraryNotConfigured"}


def test_status_before_any_tick_says_so_and_after_one_names_each_want(say):
    assert "no tick has run yet" in say("status")[1]

    assert say("tick")[0] == 1
    code, out, _ = say("status", "--json")
    conditions = json.loads(out)["conditions"]

    assert code == 0
    assert {one["subject"] for one in conditions if one["type"] == "Ready"} == {
        "baum-l-frank/the-wonderful-wizard-of-oz",
        "baum-l-frank/tik-tok-of-oz",
    }
    assert {one["status"] for one in conditions if one["type"] == "Ready"} == {"Unknown"}


def test_why_finds_a_book_by_a_part_of_its_title_and_refuses_to_guess(say):
    assert "baum-l-frank/tik-tok-of-oz" in say("why", "tik-tok")[1]

    code, _, err = say("why", "oz")
    assert (code, "AmbiguousWant" in err) == (1, True)
    code, _, err = say("why", "Emma")
    assert (code, "NoSuchWant" in err) == (1, True)


def test_an_override_is_recorded_listed_and_taken_back(say):
    assert say("override", "snooze", "tik-tok", "--until", "3d", "--why", "later")[0] == 0

    [row] = json.loads(say("override", "list", "--json")[1])
    assert (row["verb"], row["target"], row["why"]) == ("snooze", "baum-l-frank/tik-tok-of-oz", "later")

    assert say("override", "remove", str(row["id"]))[0] == 0
    assert json.loads(say("override", "list", "--json")[1]) == []
    assert say("override", "remove", str(row["id"]))[0] == 1


def test_the_blocklist_remembers_and_forgets(say):
    assert say("block", "a" * 40, "--why", "silent")[0] == 0

    [row] = json.loads(say("blocklist", "--json")[1])
    assert (row["infohash"], row["why"]) == ("a" * 40, "silent")
    assert say("unblock", str(row["id"]))[0] == 0
    assert json.loads(say("blocklist", "--json")[1]) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("override", "snooze", "tik-tok"),
        ("override", "snooze", "tik-tok", "--until", "soon"),
        ("override", "snooze", "tik-tok", "--until", "2001-01-01"),
        ("override", "snooze", "tik-tok", "--until", "99999999999d"),
        ("override", "skip", "*"),
        ("override", "force", "Series/oz"),
        ("block", "the second one"),
        ("approve", "everything"),
        ("override", "pin", "tik-tok", "not a hash"),
        ("override", "priority", "tik-tok", "very"),
        ("apply", "no-such-file.json"),
        ("plan", "--frob"),
    ],
)
def test_wrong_usage_ends_with_64_and_a_sentence(say, arguments):
    code, _, err = say(*arguments)

    assert code == 64
    assert "Error:" in err
    assert "Traceback" not in err


def test_a_file_that_is_no_plan_is_refused(say, tmp_path):
    (tmp_path / "plan.json").write_text('["no plan"]')

    code, _, err = say("apply", "plan.json")

    assert code == 1
    assert err.startswith("NotAPlan: ")


def test_a_wrong_setting_is_one_sentence_and_nothing_is_made(say, tmp_path, monkeypatch):
    monkeypatch.setenv("BIBLIOSTAT_AUDIOBOOKSHELF_URL", "abs")

    code, _, err = say("plan")

    assert code == 1
    assert "BIBLIOSTAT_AUDIOBOOKSHELF_URL" in err
    assert not (tmp_path / "data").exists()


def test_overrides_of_documents_and_systems_are_checked(say):
    assert say("override", "skip", "Series/oz")[0] == 0
    assert say("override", "hold", "library", "--until", "1d")[0] == 0

    assert "NoSuchDocument" in say("override", "skip", "Series/narnia")[2]
    assert "NoSuchIndexer" in say("override", "hold", "indexer/nowhere")[2]


def test_a_plan_that_cannot_be_written_is_one_sentence(say):
    code, _, err = say("plan", "--out", "/nonexistent/plan.json")

    assert code == 1
    assert err.startswith("PlanNotWritten: ")


def test_doctor_names_what_is_not_configured_and_is_no_failure(say):
    code, out, _ = say("doctor", "--json")
    findings = {finding["check"]: finding for finding in json.loads(out)}

    assert code == 0
    assert findings["declarations"]["ok"] is True
    assert findings["audiobookshelf"]["ok"] is None
    assert "BIBLIOSTAT_AUDIOBOOKSHELF_URL" in findings["audiobookshelf"]["what_to_do"]
