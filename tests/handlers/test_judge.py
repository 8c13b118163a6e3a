"""`judge`: a line in, verdicts out, liberal in what it reads and strict about what it answers."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from handlers.cli import main

Judge = Callable[..., list[dict[str, Any]]]
OZMA = {"title": "Ozma of Oz", "authors": ["L. Frank Baum"], "series": "Oz", "position": 3}
RIGHT = {"title": "Ozma of Oz by L. Frank Baum", "category": "3030"}


@pytest.fixture
def judge(tmp_path, monkeypatch, capfd) -> Judge:
    """`judge(line, …)` -> one answer for each line; a line is an object or raw bytes."""
    monkeypatch.chdir(tmp_path)

    def run(*lines: Any) -> list[dict[str, Any]]:
        raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        monkeypatch.setattr(sys, "argv", ["bibliostat", "judge", "-"])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == 0
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return run


def rules(told: dict[str, Any], place: int = 0) -> dict[str, str]:
    return {gate["rule"]: gate["answer"] for gate in told["verdicts"][place]["gates"]}


def test_the_best_of_those_that_are_confirmed_is_chosen_and_each_answer_has_its_gates(judge):
    offered = [
        {"title": "Tik-Tok of Oz by L. Frank Baum", "category": "3030"},
        {**RIGHT, "filetypes": ["mp3"], "seeders": 90},
        {**RIGHT, "filetypes": ["m4b"], "seeders": 2},
        {"title": "Ozma of Oz [M4B]"},
    ]

    [told] = judge({"wanted": OZMA, "candidates": offered})

    assert set(told) == {"chosen", "verdicts"}
    assert told["chosen"] == 2
    assert [one["index"] for one in told["verdicts"]] == [0, 1, 2, 3]
    assert [one["answer"] for one in told["verdicts"]] == ["no", "confirmed", "confirmed", "possible"]
    for one in told["verdicts"]:
        assert all(set(gate) == {"gate", "rule", "seen", "limit", "answer"} for gate in one["gates"])
    assert "no" in rules(told, 0).values()


def test_duty_is_not_asked_and_a_dead_torrent_is_still_the_right_book(judge):
    [told] = judge({"wanted": OZMA, "candidates": [{**RIGHT, "seeders": 0}, {"title": None}]})

    assert told["chosen"] == 0
    for one in told["verdicts"]:
        asked = [(gate["rule"], gate["answer"]) for gate in one["gates"] if gate["gate"] == "duty"]
        assert asked == [("NotAsked", "not asked")]


@pytest.mark.parametrize(
    "written",
    [
        {"authors": "L. Frank Baum"},
        {"authors": [{"name": "L. Frank Baum"}]},
        {"authors": ["L. Frank Baum"], "series": [{"name": "Oz", "position": 3}]},
        {"authors": ["L. Frank Baum"], "series": {"name": "Oz", "position": "03"}},
        {"authors": ["L. Frank Baum"], "series": ["Oz, Book 3", "Fairy Lands"]},
        {"authors": ["L. Frank Baum"], "series": "Oz #3"},
        {"authors": ["L. Frank Baum"], "category": 3030},
        {"authors": ["L. Frank Baum"], "category": [3030.0, "100013"]},
        {"authors": ["L. Frank Baum"], "category": {"id": 3030, "name": "Audio/Audiobook"}},
        {"authors": ["L. Frank Baum"], "filetypes": "M4B, mp3", "category": None},
        {"authors": ["L. Frank Baum"], "size_bytes": None, "files": None, "seeders": None, "language": None},
        {"authors": ["L. Frank Baum"], "size_bytes": "150000000", "seeders": "4", "files": 1.0},
        {"authors": ["L. Frank Baum"], "tags": ["unabridged", "64 kbps"], "something": {"else": [1]}},
        {"authors": ["L. Frank Baum", None], "narrators": [], "series": [], "tags": ""},
    ],
    ids=str,
)
def test_fields_are_read_in_whichever_shape_they_come(judge, written):
    candidate = {"title": "Ozma of Oz", "category": "Audiobooks - Fantasy"} | written

    [told] = judge({"wanted": OZMA, "candidates": [candidate], "more": 1})

    assert told["chosen"] == 0, told


@pytest.mark.parametrize(
    ("wanted", "rule"),
    [
        ({"position": "4"}, None),
        ({"language": "German"}, "WrongLanguage"),
        ({"language": "any"}, None),
        ({"language": None}, None),
        ({"narrator": "Phil Chenevert"}, "NarratorUnstated"),
        ({"runtime_min": 300}, "TooSmall"),
        ({"duration_min": 300.5}, "TooSmall"),
        ({"abridged": True}, None),
        ({"form": "omnibus"}, "FormUnstated"),
        ({"media": "any", "runtime_min": 300}, None),
        ({"series": {"name": "Oz", "position": 3}}, None),
    ],
    ids=str,
)
def test_what_is_wanted_counts(judge, wanted, rule):
    candidate = {**RIGHT, "language": "English", "size_bytes": 6_000_000}

    [told] = judge({"wanted": OZMA | wanted, "candidates": [candidate]})

    refused = [name for name, given in rules(told).items() if given in ("no", "possible")]
    assert refused == ([rule] if rule else [])


def test_the_profile_is_read_as_strictly_as_in_yaml(judge):
    line = {"wanted": OZMA, "candidates": [{**RIGHT, "filetypes": ["mp3"]}]}

    strict, spelled, unknown, wrong = judge(
        line | {"profile": {"formats": ["m4b"]}},
        line | {"profile": {"formats": ["MP3"], "languages": ["en"]}},
        line | {"profile": {"format": ["m4b"]}},
        line | {"profile": {"languages": ["English"]}},
    )

    assert rules(strict)["WrongFormat"] == "no"
    assert spelled["chosen"] == 0
    assert "format" in unknown["message"]
    assert "English" in wrong["message"]


def test_without_a_language_that_of_the_profile_counts(judge):
    german = {**RIGHT, "language": "German"}
    line = {"wanted": OZMA, "candidates": [german]}

    default, both, stated = judge(
        line, line | {"profile": {"languages": ["de", "en"]}}, {**line, "wanted": {**OZMA, "language": "de"}}
    )

    assert [default["chosen"], both["chosen"], stated["chosen"]] == [None, 0, 0]


def test_a_bad_line_costs_only_its_own_answer(judge):
    told = judge(
        {"wanted": OZMA, "candidates": [RIGHT]},
        b"not json",
        b"",
        {"wanted": OZMA},
        {"candidates": []},
        {"wanted": {"title": " - "}, "candidates": []},
        {"wanted": OZMA, "candidates": {"title": "x"}},
        {"wanted": OZMA, "candidates": [{"title": True}]},
        {"wanted": OZMA, "candidates": [], "profile": "standard"},
        b'{"wanted": {"title": "\xff"}, "candidates": []}',
        b"[" * 9_000,
        {"wanted": OZMA, "candidates": []},
    )

    assert [one.get("chosen", "none") for one in (told[0], told[-1])] == [0, None]
    assert [(one["error"], one["line"]) for one in told[1:-1]] == [("LineNotUnderstood", n) for n in range(2, 12)]


@pytest.mark.parametrize(
    "field",
    [
        {"title": "x" * 200_000},
        {"title": "(" * 5_000},
        {"size_bytes": 1e308, "seeders": -4, "files": "many"},
        {"size_bytes": "NaN", "seeders": "inf"},
        {"series": [{"name": None, "position": 10**40}, "#", ""]},
        {"authors": ["", "  "], "tags": "\u0000", "language": "\ud7ff"},
    ],
    ids=lambda field: next(iter(field)),
)
def test_strange_values_are_answered(judge, field):
    [told] = judge({"wanted": {**OZMA, "runtime_min": 1e300}, "candidates": [RIGHT | field]})

    assert len(told["verdicts"][0]["gates"]) > 1


def test_each_line_is_answered_before_the_next_is_read():
    command = [sys.executable, "-c", "from handlers.cli import main; main()", "judge", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": ""}
    ) as asked:
        assert asked.stdin is not None
        assert asked.stdout is not None
        for _ in range(2):
            asked.stdin.write(json.dumps({"wanted": OZMA, "candidates": [RIGHT]}).encode() + b"\n")
            asked.stdin.flush()
            assert json.loads(asked.stdout.readline())["chosen"] == 0
        asked.stdin.close()


def test_a_file_is_read_too_and_wrong_usage_is_told(tmp_path, monkeypatch, capfd):
    (tmp_path / "cases.jsonl").write_text(json.dumps({"wanted": OZMA, "candidates": [RIGHT]}))
    for arguments, code in ((["cases.jsonl"], 0), (["missing.jsonl"], 64), ([], 64)):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["bibliostat", "judge", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == code
    assert json.loads(capfd.readouterr().out)["chosen"] == 0
