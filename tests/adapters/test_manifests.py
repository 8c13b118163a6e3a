"""Reading YAML from files and folders into nodes, and on to a decoded set."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import manifests
from adapters.manifests import ManifestFolder, read_documents
from domain.manifest import DOCUMENTS, Declared, Mistake, Place, decode, schema
from domain.nodes import Mapping, Node, Scalar

FIXTURES = Path(__file__).parents[1] / "fixtures" / "manifests"
EXAMPLES = Path(__file__).parents[2] / "examples" / "wanted"

BOOK = """
apiVersion: bibliostat/v1
kind: Book
metadata: {{name: {name}}}
spec: {{title: The Lost Princess of Oz, author: L. Frank Baum}}
"""


def book(name: str = "oz") -> str:
    return BOOK.format(name=name)


def parsed(text: str | bytes) -> tuple[tuple[Node, ...], list[str]]:
    found: list[Mistake] = []
    nodes = read_documents(text if isinstance(text, bytes) else text.encode(), "oz.yaml", found)
    return nodes, [str(mistake) for mistake in found]


def good(path: Path) -> Declared:
    result = ManifestFolder(path).read()
    assert isinstance(result, Declared), list(map(str, result))
    return result


def wrong(path: Path) -> list[str]:
    result = ManifestFolder(path).read()
    assert isinstance(result, tuple)
    return [str(mistake) for mistake in result]


def test_a_folder_is_one_set_with_places_relative_to_its_parent():
    declared = good(FIXTURES / "wanted")

    assert declared.places == {
        "Series/oz": Place(file="wanted/oz.yaml", line=2),
        "Policy/home": Place(file="wanted/oz.yaml", line=19),
        "Book/princess": Place(file="wanted/more/barsoom.yml", line=1),
        "Profile/slow": Place(file="wanted/more/barsoom.yml", line=6),
    }
    assert declared.policy.budgets.grabs_per_tick == 2
    assert declared.profile("slow").formats == ("mp3",)


def test_scalars_keep_the_text_that_was_written():
    first, second = good(FIXTURES / "wanted").series["oz"].books

    assert (first.title, first.position, first.language) == ("1984", "0.5", "no")
    assert (second.title, second.position, second.author) == ("Tik-Tok of Oz", "08", "L. Frank Baum")
    assert second.released == date(1914, 6, 19)


def test_every_mistake_of_every_document_is_reported_at_once():
    expected = (FIXTURES / "wrong.expected.txt").read_text().splitlines()

    assert wrong(FIXTURES / "wrong") == expected


def test_one_file_is_a_set_too():
    assert good(FIXTURES / "wanted" / "more" / "barsoom.yml").places["Book/princess"].file == "barsoom.yml"


def test_the_examples_hold_one_document_of_each_kind_and_are_right():
    declared = good(EXAMPLES / "home.yaml")

    assert {key.partition("/")[0] for key in declared.places} == set(DOCUMENTS)


@pytest.mark.parametrize("path", [EXAMPLES / "home.yaml", FIXTURES / "wanted" / "oz.yaml"])
def test_what_the_decoder_takes_the_schema_takes(path):
    documents = [document for document in yaml.safe_load_all(path.read_text()) if document is not None]

    validator = jsonschema.Draft202012Validator(schema())

    assert [error.message for document in documents for error in validator.iter_errors(as_json(document))] == []


def as_json(document: Any) -> Any:
    """As an editor sees it: JSON has no dates."""
    return json.loads(json.dumps(document, default=str))


def test_an_empty_folder_is_an_empty_set(tmp_path):
    assert good(tmp_path) == Declared()


def test_a_missing_path_is_a_mistake_and_no_empty_set(tmp_path):
    assert wrong(tmp_path / "wanted") == [f"wanted: {tmp_path}/wanted cannot be read: No such file or directory"]


def test_files_that_cannot_be_read_are_mistakes_beside_those_of_the_others(tmp_path):
    (tmp_path / "a.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "b.yaml").write_bytes(b"# ok\n\xff\n")
    (tmp_path / "c.yaml").write_text("a: b: c")
    (tmp_path / "d.yaml").write_text("- a")
    os.mkfifo(tmp_path / "e.yaml")
    name = tmp_path.name

    assert wrong(tmp_path) == [
        f"{name}/a.yaml: {tmp_path}/a.yaml cannot be read: No such file or directory",
        f"{name}/b.yaml:2: this is not UTF-8 text",
        f"{name}/c.yaml:1: this is not YAML: mapping values are not allowed in this context"
        " (quote text that holds a colon, a # or a leading symbol)",
        f"{name}/d.yaml:1: a document must be a mapping with apiVersion, kind, metadata and spec",
        f"{name}/e.yaml: {tmp_path}/e.yaml is not a regular file",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_listed_is_a_mistake(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)

    try:
        assert wrong(tmp_path) == [f"{tmp_path.name}/closed: {closed} cannot be read: Permission denied"]
    finally:
        closed.chmod(0o700)


def test_hidden_and_other_files_are_not_read(tmp_path):
    for name in (".hidden.yaml", "oz.yaml~", "notes.txt", ".git/a.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a: [")

    assert good(tmp_path) == Declared()


def test_a_config_map_is_read_once_and_follows_its_links(tmp_path):
    versions = [tmp_path / "..2024_01", tmp_path / "..2024_02"]
    for version, name in zip(versions, ("first", "second"), strict=True):
        version.mkdir()
        (version / "oz.yaml").write_text(book(name))
    (tmp_path / "..data").symlink_to("..2024_01")
    (tmp_path / "oz.yaml").symlink_to("..data/oz.yaml")
    folder = ManifestFolder(tmp_path)

    before = folder.read()
    (tmp_path / "..next").symlink_to("..2024_02")
    (tmp_path / "..next").rename(tmp_path / "..data")
    after = folder.read()

    assert [list(declared.books) for declared in (before, after)] == [["first"], ["second"]]


def test_a_folder_that_links_to_itself_is_read_once(tmp_path):
    (tmp_path / "oz.yaml").write_text(book())
    (tmp_path / "again").symlink_to(tmp_path)

    assert list(good(tmp_path).books) == ["oz"]


def test_a_file_name_that_is_not_utf_8_can_be_shown_and_stored(tmp_path):
    with open(os.fsencode(tmp_path) + b"/oz\xff.yaml", "w") as opened:
        opened.write("a: [")

    [mistake] = wrong(tmp_path)

    assert mistake.encode().startswith(f"{tmp_path.name}/oz\N{REPLACEMENT CHARACTER}.yaml:".encode())


def test_an_edit_shows_at_the_next_reading_even_with_the_same_size_and_time(tmp_path):
    file = tmp_path / "oz.yaml"
    file.write_text(book("one"))
    folder, times = ManifestFolder(tmp_path), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    before = folder.read()

    file.write_text(book("two"))
    os.utime(file, ns=times)

    assert (list(before.books), list(folder.read().books)) == (["one"], ["two"])
    assert folder.read() is folder.read()


def test_a_file_that_is_too_large_is_a_mistake(tmp_path):
    (tmp_path / "oz.yaml").write_text("#" * (manifests.LARGEST_BYTES + 1))

    assert wrong(tmp_path) == [f"{tmp_path.name}/oz.yaml: is larger than 5 MB (split it into several files)"]


def test_the_good_documents_before_broken_yaml_are_judged_too(tmp_path):
    (tmp_path / "oz.yaml").write_text(book() + "  titel: x\n---\na: [\n")
    (tmp_path / "oz2.yaml").write_text(book().replace("title", "titel") + "---\na: ]\n")

    found = wrong(tmp_path)

    assert any("titel" in mistake for mistake in found)
    assert len([mistake for mistake in found if "this is not YAML" in mistake]) == 2


def test_an_alias_stands_for_its_anchor():
    [document], found = parsed("a: &x {k: v}\nb: *x\n")

    assert found == []
    assert isinstance(document, Mapping)
    assert document.get("a") == document.get("b")


def test_a_bomb_of_aliases_is_refused_before_it_grows():
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 30)]

    _, found = parsed("\n".join(["l0: &l0 [x, x, x, x, x, x, x, x, x, x]", *levels]))

    assert found == ["oz.yaml:6: holds more than 200,000 values"]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a: &x [*x]", "oz.yaml:1: an alias refers to a node that it is part of"),
        ("a: *x", "oz.yaml:1: an alias refers to no anchor above it; quote text that begins with `*`"),
        ("a: 1\n---\nb: &x 1\n---\nc: *x", "oz.yaml:5: an alias refers to no anchor above it"
            "; quote text that begins with `*`"),
        ("[" * 100_000, "oz.yaml:1: is nested deeper than 50 levels"),
        ("- " * 100_000, "oz.yaml:1: is nested deeper than 50 levels"),
        ("x: !!python/object:os.system {}", "oz.yaml:1: YAML tags are not supported"
            " (quote the text when it begins with an exclamation mark)"),
        ("{a: 1, [b]: 2}", "oz.yaml:1: a key must be text"),
        ("<<: {a: 1}", "oz.yaml:1: merge keys (`<<`) are not supported (write the keys out)"),
        ("a: 1\nb: \x07", "oz.yaml:2: holds a character that YAML does not allow"),
    ],
)  # fmt: skip
def test_what_is_not_plain_data_is_refused(text, mistake):
    _, found = parsed(text)

    assert found == [mistake]


@pytest.mark.parametrize("value", ["*swordfish", "!swordfish", "&swordfish *swordfish"])
def test_a_password_without_quotes_is_not_repeated_in_a_mistake(value):
    _, found = parsed(f"password: {value}")

    assert found
    assert "swordfish" not in str(found)


@pytest.mark.parametrize(
    ("text", "value", "plain"),
    [
        ("no", "no", True),
        ("'no'", "no", False),
        ("!!str no", "no", False),
        ("! no", "no", False),
        ("!!int 5", "5", True),
        ("010", "010", True),
        ("12:30", "12:30", True),
        ("", "", True),
        ('""', "", False),
    ],
)
def test_only_unquoted_scalars_are_plain(text, value, plain):
    [document], found = parsed(f"a: {text}")

    assert found == []
    assert isinstance(document, Mapping)
    assert document.get("a") == Scalar(text=value, place=Place(file="oz.yaml", line=1), plain=plain)


def test_a_byte_order_mark_does_not_matter():
    [document], found = parsed(b"\xef\xbb\xbfa: 1")

    assert found == []
    assert isinstance(document, Mapping)
    assert document.get("a")


MARKS = ["a: ", "- ", "  ", ": ", "? ", "&x ", "*x", "!t ", "!!str ", "|\n", ">-\n", "---\n", "...\n", "# c\n", "<<: "]
FRAGMENTS = st.sampled_from([*"a\n{}[],'\"~\t\\é\x00\ufeff", *MARKS, "%YAML 1.1\n", "kind: Series\n", "spec: "])


@given(st.one_of(st.lists(FRAGMENTS, max_size=30).map("".join), st.text(max_size=60)).map(str.encode) | st.binary())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_documents_or_mistakes_and_never_an_exception(content):
    found: list[Mistake] = []

    documents = read_documents(content, "oz.yaml", found)

    assert isinstance(decode(documents, broken=found), Declared | tuple)
