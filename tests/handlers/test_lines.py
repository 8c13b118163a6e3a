"""`same` and `match`: a line in, a line out, and what becomes of bad lines and bad usage."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from handlers.cli import main

Say = Callable[..., tuple[int, str, str]]
OZMA = {"title": "Ozma of Oz", "author": "L. Frank Baum", "path": "Baum/Ozma", "runtime_min": 271.4}


@pytest.fixture
def say(tmp_path, monkeypatch, capfd) -> Say:
    """`say("same", "-", lines=b"…")` -> exit code, what it printed, what it complained about."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, lines: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bibliostat", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def answers(out: str) -> list[SimpleNamespace]:
    return [SimpleNamespace(**json.loads(line)) for line in out.splitlines()]


def test_two_names_are_compared(say):
    code, out, _ = say("same", "--kind", "author", "L. Frank Baum", "Baum, L. Frank")

    assert code == 0
    assert out.startswith("same (0.9")

    code, out, _ = say("same", "--kind", "title", "--json", "Ozma of Oz", "Tik-Tok of Oz")

    assert code == 0
    assert json.loads(out)["same"] is False
    assert set(json.loads(out)) == {"same", "score", "because"}


def test_a_name_that_looks_like_an_option_follows_two_dashes(say):
    assert say("same", "--kind", "title", "--", "-", "-5")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["same"],
        ["same", "Oz"],
        ["same", "Oz", "Ozma"],
        ["same", "--kind", "book", "Oz", "Ozma"],
        ["same", "--kind", "title", "a", "b", "c"],
        ["match"],
        ["match", "missing.jsonl"],
        ["match", "-", "-"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_64(say, arguments):
    code, out, err = say(*arguments)

    assert code == 64
    assert out == ""
    assert err


def test_each_line_is_answered_and_a_bad_one_costs_only_its_own_answer(say):
    lines = [
        b'{"a": "Oz", "b": "The Oz Series", "kind": "series"}',
        b"not json",
        b"",
        b'{"a": 1, "b": "Oz", "kind": "title"}',
        b'{"a": "Oz", "b": "Ozma", "kind": "book"}',
        b'{"a": "\xff", "b": "Ozma", "kind": "title"}',
        b'{"a": "Oz", "b": "Ozma"}',
        b"[" * 9_000,
        b'{"a": "Oz", "b": "Oz: The Fall", "kind": "title", "why": "unknown fields do not matter"}',
    ]

    code, out, err = say("same", "-", lines=b"\n".join(lines))

    told = answers(out)
    assert (code, err, len(told)) == (0, "", len(lines))
    assert [told[0].same, told[-1].same] == [True, None]
    assert [(one.error, one.line) for one in told[1:-1]] == [("LineNotUnderstood", n) for n in range(2, 9)]


def test_the_option_names_the_kind_of_lines_that_do_not_say(say):
    code, out, _ = say("same", "--kind", "author", "-", lines=b'{"a": "Baum", "b": "L. Frank Baum"}\n')

    assert (code, answers(out)[0].same) == (0, None)


def test_what_a_line_tells_besides_the_names_counts(say):
    pair = {"a": "The Sign of the Four", "b": "The Sign of Four", "kind": "title", "context": {"position": "2"}}

    assert answers(say("same", "-", lines=json.dumps(pair).encode())[1])[0].same is True


def test_a_line_without_end_is_answered_once(say):
    endless = b'{"a": "' + b"x" * 9_000_000 + b'"}\n' + b'{"a": "Oz", "b": "Oz", "kind": "title"}\n'

    told = answers(say("same", "-", lines=endless)[1])

    assert (told[0].error, told[1].same, len(told)) == ("LineNotUnderstood", True, 2)


def test_recordings_are_matched_from_standard_input_and_from_a_file(say, tmp_path):
    other = {"asin": "B0OZ000001", "title": "Ozma of Oz", "authors": ["L. Frank Baum"], "runtime_min": 296}
    right = {"asin": "B0OZ000002", "title": "Ozma of Oz", "narrators": None, "duration_min": 271}
    rows = [
        {"item": OZMA, "candidates": [other, right]},
        {"item": OZMA},
        {"item": OZMA, "candidates": [other]},
        {"item": OZMA, "candidates": []},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "rows.jsonl").write_text(lines)

    code, out, _ = say("match", "-", lines=lines.encode())

    told = answers(out)
    assert code == 0
    assert [told[0].match, told[2].match, told[3].match] == [1, None, None]
    assert told[1].error == "LineNotUnderstood"
    assert all(one.because for one in (told[0], told[2], told[3]))
    assert say("match", "rows.jsonl") == (0, out, "")


def test_an_answer_is_written_before_the_next_line_is_read():
    asking = [sys.executable, "-c", "from handlers.cli import main; import sys; sys.argv[1:] = ['same', '-']; main()"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(asking, **pipes, env=os.environ | {"PYTHONPATH": os.getcwd()}) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for same in (b"true", b"false"):
            name = b"Oz" if same == b"true" else b"Barsoom"
            process.stdin.write(b'{"a": "Oz", "b": "%s", "kind": "series"}\n' % name)
            process.stdin.flush()

            assert b'"same":' + same in process.stdout.readline()
        process.stdin.close()

        assert process.wait(timeout=30) == 0
