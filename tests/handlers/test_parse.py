"""`parse`: a title in, a line of JSON out, whatever the title is made of."""

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

Parse = Callable[..., list[dict[str, Any]]]
FIELDS = ["title", "author", "series", "position", "narrator", "year", "format", "language", "abridged", "kind"]
OZMA = "Ozma of Oz: Oz, Book 3 by L. Frank Baum, read by Phil Chenevert (Unabridged) (2012) [ENG / M4B] [VIP]"
READ = {
    "title": "Ozma of Oz",
    "author": "L. Frank Baum",
    "series": "Oz",
    "position": "3",
    "narrator": "Phil Chenevert",
    "year": 2012,
    "format": "m4b",
    "language": "en",
    "abridged": False,
    "kind": "single",
}


@pytest.fixture
def parse(tmp_path, monkeypatch, capfd) -> Parse:
    """`parse("a title", lines=b"…")` -> the answers; the exit code is 0 and nothing is complained about."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, lines: bytes = b"") -> list[dict[str, Any]]:
        monkeypatch.setattr(sys, "argv", ["bibliostat", "parse", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert (ended.value.code, said.err) == (0, "")
        return [json.loads(line) for line in said.out.splitlines()]

    return run


def test_a_title_is_told_in_full(parse):
    assert parse(OZMA) == [READ]


def test_fields_come_in_one_order_and_null_where_the_title_is_silent(parse):
    [told] = parse("Ozma of Oz")

    assert list(told) == FIELDS
    assert told == dict.fromkeys(FIELDS) | {"title": "Ozma of Oz", "kind": "single"}


def test_several_people_are_one_text_and_a_stretch_of_volumes_too(parse):
    [people, volumes] = parse("No Thoroughfare by Charles Dickens and Wilkie Collins", "Oz 01-14 - L. Frank Baum - MP3")

    assert people["author"] == "Charles Dickens, Wilkie Collins"
    assert (volumes["position"], volumes["kind"], volumes["format"]) == ("1-14", "omnibus", "mp3")


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_without_titles_each_line_is_one(parse, arguments):
    assert parse(*arguments, lines=f"{OZMA}\n\n  \nOzma of Oz\n{OZMA}".encode()) == [
        READ,
        dict.fromkeys(FIELDS),
        dict.fromkeys(FIELDS),
        dict.fromkeys(FIELDS) | {"title": "Ozma of Oz", "kind": "single"},
        READ,
    ]


def test_an_empty_argument_is_a_title_that_says_nothing(parse):
    assert parse("", OZMA) == [dict.fromkeys(FIELDS), READ]


def test_no_input_has_no_answer(parse):
    assert parse() == []


def test_a_line_is_a_title_as_it_is(parse):
    [quoted, object_] = parse(lines=b'"Ozma of Oz"\n{"title": "Ozma of Oz"}\n')

    assert quoted["title"] == "Ozma of Oz"
    assert set(object_) == set(FIELDS)


def test_bytes_that_are_no_text_are_replaced(parse):
    [told, other] = parse(lines=b"L. Frank Baum - Ozma \xff of Oz\nOzma of Oz\r\n")

    assert told["author"] == "L. Frank Baum"
    assert other["title"] == "Ozma of Oz"


def test_a_line_without_end_is_cut_and_answered_once(parse):
    told = parse(lines=b"L. Frank Baum - Ozma of Oz " + b"x" * 9_000_000 + b"\n" + OZMA.encode())

    assert [one["author"] for one in told] == ["L. Frank Baum", "L. Frank Baum"]
    assert told[1] == READ


def test_an_answer_is_written_before_the_next_line_is_read():
    asking = [sys.executable, "-c", "from handlers.cli import main; import sys; sys.argv[1:] = ['parse']; main()"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(asking, **pipes, env=os.environ | {"PYTHONPATH": os.getcwd()}) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for title in ("Ozma of Oz", "Tik-Tok of Oz"):
            process.stdin.write(f"{title}\n".encode())
            process.stdin.flush()

            assert json.loads(process.stdout.readline())["title"] == title
        process.stdin.close()

        assert process.wait(timeout=30) == 0


def test_help_shows_an_example(monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["bibliostat", "parse", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    assert 'Example: bibliostat parse "L. Frank Baum' in capfd.readouterr().out
