"""Decoding what people declare: one good set, or every mistake with its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fields import isbn13
from domain.languages import LANGUAGES, guess_language
from domain.manifest import DOCUMENTS, Declared, Mistake, Place, PolicySpec, decode, schema
from domain.nodes import Mapping, Node, Scalar, Sequence

HERE = Place(file="wanted/oz.yaml", line=1)


def written(value: Any, place: Place = HERE) -> Node:
    """A Python value as the nodes of its YAML; a quoted text is written as bytes."""
    match value:
        case dict():
            return Mapping(pairs=tuple((written(k, place), written(v, place)) for k, v in value.items()), place=place)
        case list():
            return Sequence(items=tuple(written(item, place) for item in value), place=place)
        case bytes():
            return Scalar(text=value.decode(), place=place, plain=False)
        case bool() | None:
            return Scalar(text={True: "true", False: "false", None: ""}[value], place=place)
        case _:
            return Scalar(text=str(value), place=place)


def document(kind: str, spec: Any, name: str = "oz") -> Node:
    return written({"apiVersion": "bibliostat/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})


def decoded(*documents: Node) -> Declared:
    result = decode(documents)
    assert isinstance(result, Declared), [str(mistake) for mistake in result]
    return result


def mistakes(*documents: Node) -> list[str]:
    """Each mistake as `path: message (suggestion)`."""
    result = decode(documents)
    assert isinstance(result, tuple), result
    return [str(mistake).removeprefix("wanted/oz.yaml:1: ") for mistake in result]


def book(**changes: Any) -> dict[str, Any]:
    return {"title": "The Emerald City of Oz", "author": "L. Frank Baum"} | changes


def test_no_documents_are_an_empty_set():
    assert decode([]) == Declared()


def test_an_empty_document_is_skipped():
    assert decode([written(None), written("~")]) == Declared()


def test_a_series_without_books_is_fine():
    declared = decoded(document("Series", {"title": "Oz", "ids": {"audible": "b00abcdefg"}}))

    assert declared.series["oz"].ids == {"audible": "B00ABCDEFG"}
    assert declared.owners == {"Series/oz": "home"}
    assert declared.places == {"Series/oz": HERE}


@pytest.mark.parametrize("title", ["1984", "no", "true", "null", "0x1F", "12:30", "2001-01-01"])
def test_a_text_field_takes_any_scalar_as_it_was_written(title):
    declared = decoded(document("Book", book(title=title)))

    assert declared.books["oz"].title == title


def test_values_are_kept_in_their_canonical_form():
    spec = book(isbn="0-306-40615-2", asin="b0abcdefgh", language="EN", release="AB" * 20, released="1910-07-20")

    [stored] = decoded(document("Book", spec)).books.values()

    assert stored.isbn == "9780306406157"
    assert stored.asin == "B0ABCDEFGH"
    assert stored.language == "en"
    assert stored.release == "ab" * 20
    assert stored.released == date(1910, 7, 20)


def test_nothing_written_for_an_optional_key_is_its_absence():
    assert decoded(document("Book", book(position=None, narrator="~"))).books["oz"].narrator is None


def test_every_mistake_of_every_document_is_reported_at_once():
    first = document("Series", {"titel": "Oz", "books": [{"positon": 1, "title": "Ozma of Oz"}]})
    second = document("Policy", {"budgets": {"grabs_per_day": 51, "grabs_per_tick": -1}})

    found = mistakes(first, second)

    assert found == [
        "spec.titel: unknown key `titel` (did you mean `title`?)",
        "spec.books[0].positon: unknown key `positon` (did you mean `position`?)",
        "spec.title: `title` is missing",
        "spec.budgets.grabs_per_day: must be at most 50, not 51",
        "spec.budgets.grabs_per_tick: must be at least 0, not -1",
        "spec.books[0].author: `Ozma of Oz` has no author, and neither has the series (write `author`)",
    ]


def test_a_mistake_names_file_line_and_path():
    line = written("tue", Place(file="wanted/oz.yaml", line=7))
    spec = Mapping(pairs=((written("title"), written("Oz")), (written("suspend"), line)), place=HERE)
    envelope = written({"apiVersion": "bibliostat/v1", "kind": "Series", "metadata": {"name": "oz"}})
    whole = Mapping(pairs=(*envelope.pairs, (written("spec"), spec)), place=HERE)

    [mistake] = decode([whole])

    assert mistake == Mistake(
        place=Place(file="wanted/oz.yaml", line=7, path="spec.suspend"),
        message="must be true or false, not `tue`",
        suggestion="write `true`",
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"runtime_min": True}, "spec.runtime_min: must be a whole number, not `true`"),
        ({"runtime_min": 6.5}, "spec.runtime_min: must be a whole number, not `6.5`"),
        ({"runtime_min": b"10"}, "spec.runtime_min: must be a whole number, not the text `10` (take the quotes off)"),
        ({"runtime_min": 0}, "spec.runtime_min: must be more than 0, not 0"),
        ({"runtime_min": "1" * 40}, "spec.runtime_min: `1111111111111111111111111111111111111111` is out of range"),
        ({"runtime_min": None, "priority": None}, "spec.priority: must be a whole number, not nothing"),
        ({"suspend": "yes"}, "spec.suspend: must be true or false, not `yes` (write `true`)"),
        ({"released": "1914"}, "spec.released: must be a date, not `1914` (write it as YYYY-MM-DD)"),
        ({"released": "1914-02-30"}, "spec.released: there is no day `1914-02-30`"),
        ({"title": ""}, "spec.title: is empty"),
        ({"title": b"  "}, "spec.title: is empty"),
        ({"title": "x" * 501}, "spec.title: is 501 characters long; at most 500 are allowed"),
        ({"title": b"a\x00b"}, "spec.title: holds a line break or a control character (write it on one line)"),
        ({"title": ["Oz"]}, "spec.title: must be text, not a list"),
        ({"authors": "L. Frank Baum"}, "spec.authors: must be a list, not a single value (write `[L. Frank Baum]`)"),
        (
            {"language": "english"},
            "spec.language: `english` is not a two-letter language code of ISO 639-1 (did you mean `en`?)",
        ),
        (
            {"isbn": "9780306406158"},
            "spec.isbn: `9780306406158` is not an ISBN"
            " (check the digits: the last one is a checksum over the others)",
        ),
        (
            {"asin": "X000000000"},
            "spec.asin: `X000000000` is not an ASIN (ten characters: B and nine letters or digits, or ten digits)",
        ),
        (
            {"release": "ab" * 19},
            f"spec.release: `{'ab' * 19}` is not a release"
            " (write an infohash (40 hex digits) or a release id (16 hex digits))",
        ),
        ({"form": "omnibu"}, "spec.form: must be one of dramatized, omnibus, single, not `omnibu`"
            " (did you mean `omnibus`?)"),
        ({"profile": "standrd"}, "spec.profile: there is no Profile `standrd` (did you mean `standard`?)"),
        ({"author": None}, "spec.author: the book has no author (write `author`)"),
        ({"author": None, "authors": []}, "spec.author: the book has no author (write `author`)"),
    ],
)  # fmt: skip
def test_a_wrong_value_says_what_is_wrong_and_what_to_write(spec, message):
    assert mistakes(document("Book", book(**spec))) == [message]


@pytest.mark.parametrize("position", ["Prequel", "-1", "3-1", "1-2-3"])
def test_an_impossible_position_is_a_mistake(position):
    [found] = mistakes(document("Book", book(position=position)))

    assert found == (f"spec.position: `{position}` is not a position in a series (write it like `1`, `0.5` or `1-3`)")


@pytest.mark.parametrize("members", ["main", "main+novellas", "all", ["1-8", "9.5"], [1, ".5", "2 – 4"]])
def test_members_are_a_named_filter_or_ranges(members):
    assert decoded(document("Series", {"title": "Oz", "members": members})).series["oz"].members


@pytest.mark.parametrize("range_", ["8-1", "Book 1", "1-", "a", "-1", "1-2-3", "1,2"])
def test_a_malformed_range_of_members_is_a_mistake(range_):
    [found] = mistakes(document("Series", {"title": "Oz", "members": [range_]}))

    assert found.startswith(f"spec.members[0]: `{range_}` is not a position or a range")


def test_a_range_that_is_no_list_is_told_to_become_one():
    [found] = mistakes(document("Series", {"title": "Oz", "members": "1-8"}))

    assert found == "spec.members: must be one of all, main, main+novellas or a list, not `1-8` (write `[1-8]`)"


def test_two_books_of_a_series_on_one_position_are_a_mistake():
    books = [book(position=5, title="The Road to Oz"), book(position="5.0"), book(position=6), book(position="06")]

    assert mistakes(document("Series", {"title": "Oz", "books": books})) == [
        "spec.books[1].position: `The Emerald City of Oz` stands at 5.0, where `The Road to Oz` stands already"
        " (correct one of them)"
    ]


@pytest.mark.parametrize(
    "cron", ["0 1 * *", "61 * * * *", "0 24 * * *", "0 0 0 * *", "* * * 13 *", "@daily", "ä * * * *"]
)
def test_a_cron_expression_has_five_fields_within_their_limits(cron):
    [found] = mistakes(document("Policy", {"schedules": {"gaps": cron}}))

    assert found.startswith("spec.schedules.gaps: ")


@pytest.mark.parametrize("cron", ["*/15 1-5 1,15 jan mon-fri", "0 3 * * 7", "5 4 L * 5#3"])
def test_the_usual_cron_expressions_pass(cron):
    assert decoded(document("Policy", {"schedules": {"gaps": cron}})).policy.schedules.gaps == cron


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("Policy", {"brakes": {"plausible_share": 1.01}}, "spec.brakes.plausible_share"),
        ("Policy", {"brakes": {"plausible_share": "nan"}}, "spec.brakes.plausible_share"),
        ("Policy", {"brakes": {"plausible_share": "1e999"}}, "spec.brakes.plausible_share"),
        ("Policy", {"brakes": {"freshness_s": 0}}, "spec.brakes.freshness_s"),
        ("Policy", {"tick_s": -5}, "spec.tick_s"),
        ("Policy", {"retries": {"download_minutes": [15, 0]}}, "spec.retries.download_minutes[1]"),
        ("Policy", {"retries": {"backoff_first_s": 60, "backoff_cap_s": 30}}, "spec.retries"),
        ("Policy", {"duties": {"ratio": -1}}, "spec.duties.ratio"),
        ("Profile", {"formats": ["mp3", "vinyl"]}, "spec.formats[1]"),
        ("Profile", {"formats": ["mp3"], "upgrade": {"cutoff": "m4b"}}, "spec.upgrade"),
        ("Profile", {"min_mb_per_hour": 50, "max_mb_per_hour": 5}, "spec.min_mb_per_hour"),
        ("Author", {"name": "L. Frank Baum", "since": -4}, "spec.since"),
        ("Follow", {"series": {"owned": 0}}, "spec.series.owned"),
        ("Discover", {"source": "librivox", "limit": 0}, "spec.limit"),
        ("Series", {"title": "Oz", "ids": {"audible": "oz"}}, "spec.ids"),
    ],
)
def test_what_is_out_of_range_is_a_mistake_at_its_path(kind, spec, path):
    result = decode([document(kind, spec)])

    assert [mistake.place.path for mistake in result] == [path]


def test_a_key_written_twice_is_a_mistake():
    spec = written(book())
    twice = Mapping(pairs=(*spec.pairs, spec.pairs[0]), place=HERE)
    envelope = document("Book", {})
    whole = Mapping(pairs=(*envelope.pairs[:3], (written("spec"), twice)), place=HERE)

    assert mistakes(whole) == [
        "spec.title: `title` is written twice; the first is at wanted/oz.yaml:1 (keep one of them)"
    ]


def test_the_same_document_twice_is_a_mistake_and_the_same_name_of_another_kind_is_not():
    series, one = document("Series", {"title": "Oz"}), document("Book", book())

    assert mistakes(series, one, one) == [
        "metadata.name: Book `oz` is declared twice; the first is at wanted/oz.yaml:1 (rename one of them)"
    ]


def test_a_second_policy_is_a_mistake():
    assert mistakes(document("Policy", {}, "a"), document("Policy", {}, "b")) == [
        "kind: there is more than one Policy; the first is at wanted/oz.yaml:1 (put everything into one)"
    ]


def test_an_unknown_kind_and_version_suggest_the_right_ones_and_the_spec_is_read_all_the_same():
    whole = written({"apiVersion": "v1", "kind": "Serie", "metadata": {"name": "oz"}, "spec": {"titel": "Oz"}})

    assert mistakes(whole) == [
        "apiVersion: must be `bibliostat/v1`, not `v1` (did you mean `bibliostat/v1`?)",
        "kind: must be one of Author, Book, Discover, Follow, Policy, Profile, Series, not `Serie`"
        " (did you mean `Series`?)",
        "spec.titel: unknown key `titel` (did you mean `title`?)",
        "spec.title: `title` is missing",
    ]


@pytest.mark.parametrize("root", [["a"], "Oz"])
def test_a_document_that_is_no_mapping_is_a_mistake(root):
    assert mistakes(written(root)) == ["a document must be a mapping with apiVersion, kind, metadata and spec"]


def test_a_name_that_would_make_identities_ambiguous_is_a_mistake():
    assert mistakes(document("Series", {"title": "Oz"}, "Oz/2 #1")) == [
        "metadata.name: must not hold `/`, `#` or a comma (write `oz-2-1`)"
    ]


def test_a_profile_may_stand_in_another_document():
    one = document("Book", book(profile="slow"))

    declared = decoded(one, document("Profile", {"languages": ["de"]}, "slow"))

    assert declared.profile("slow").languages == ("de",)


def test_a_missing_profile_is_not_blamed_while_a_file_could_not_be_read():
    broken = Mistake(place=Place(file="wanted/profiles.yaml", line=3), message="this is not YAML")

    assert decode([document("Book", book(profile="slow"))], broken=[broken]) == (broken,)


def test_mistakes_come_in_the_order_of_files_and_lines():
    late, early = Place(file="b.yaml", line=1), Place(file="a.yaml", line=9)

    result = decode([written("x", late), written("y", early)])

    assert [mistake.place for mistake in result] == [early, late]


def test_a_good_set_survives_being_stored():
    declared = decoded(
        document("Series", {"title": "Oz", "books": [book(position="0.5")]}), document("Policy", {}, "p")
    )

    assert msgspec.json.decode(msgspec.json.encode(declared), type=Declared) == declared
    assert declared.policy == PolicySpec()


@pytest.mark.parametrize(
    ("text", "isbn"),
    [
        ("978-0-306-40615-7", "9780306406157"),
        ("080442957x", "9780804429573"),
        ("9791090636071", "9791090636071"),
        ("0000000000", None),
        ("0", None),
        ("", None),
        ("B0OZ000001", None),
        ("1234567890123", None),
    ],
)
def test_an_isbn_is_thirteen_digits_with_a_right_checksum(text, isbn):
    assert isbn13(text) == isbn


@pytest.mark.parametrize(
    ("word", "code"),
    [("English", "en"), ("en-US", "en"), ("eng", "en"), ("Deutsch", "de"), ("frnch", "fr"), ("xx", None)],
)
def test_a_word_for_a_language_leads_to_its_code(word, code):
    assert guess_language(word) == code


def test_there_are_183_languages():
    assert len(LANGUAGES) == 183


def accepted(kind: str, spec: dict[str, Any]) -> bool:
    whole = {"apiVersion": "bibliostat/v1", "kind": kind, "metadata": {"name": "oz"}, "spec": spec}
    return bool(jsonschema.Draft202012Validator(schema()).is_valid(whole))


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(schema())

    assert len(schema()["oneOf"]) == len(DOCUMENTS)


def test_the_schema_takes_text_as_it_is_written():
    assert accepted("Book", book(title=1984, position=0.5, language=False))
    assert accepted("Series", {"title": "Oz", "members": ["1-8", 9.5], "except": ["The Woggle-Bug Book"]})


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Book", {"titel": "Oz"}),
        ("Book", {"title": ["Oz"]}),
        ("Series", {"title": "Oz", "members": "some"}),
        ("Policy", {"budgets": {"grabs_per_day": 51}}),
        ("Policy", {"suspend": "no"}),
        ("Serie", {"title": "Oz"}),
    ],
)
def test_the_schema_refuses_what_the_decoder_refuses(kind, spec):
    assert not accepted(kind, spec)
    assert isinstance(decode([document(kind, spec)]), tuple)


KNOWN_WORDS = (
    "apiVersion bibliostat/v1 kind metadata spec name oz title books position author members profile policy budgets"
    " grabs_per_day ids audible 1-8 true ~ -1 5 formats upgrade cutoff schedules gaps isbn language"
)
WORDS = st.one_of(
    st.sampled_from([*KNOWN_WORDS.split(), *DOCUMENTS, "0 1 * * *"]), st.text(st.characters(), max_size=8)
)
SCALARS = st.builds(Scalar, text=WORDS, place=st.just(HERE), plain=st.booleans())


def nodes(deeper: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pairs = st.lists(st.tuples(SCALARS, deeper), max_size=5).map(tuple)
    items = st.lists(deeper, max_size=4).map(tuple)
    return st.builds(Mapping, pairs=pairs, place=st.just(HERE)) | st.builds(Sequence, items=items, place=st.just(HERE))


NODES = st.recursive(SCALARS, nodes, max_leaves=25)
ENVELOPES = st.builds(
    lambda kind, name, spec: Mapping(
        pairs=(
            (written("apiVersion"), written("bibliostat/v1")),
            (written("kind"), written(kind)),
            (written("metadata"), Mapping(pairs=((written("name"), name),), place=HERE)),
            (written("spec"), spec),
        ),
        place=HERE,
    ),
    st.sampled_from(list(DOCUMENTS)),
    SCALARS,
    NODES,
)


@given(st.lists(NODES | ENVELOPES, max_size=4))
def test_any_nodes_are_a_set_or_mistakes_and_never_an_exception(documents):
    result = decode(documents)

    if isinstance(result, Declared):
        assert msgspec.json.decode(msgspec.json.encode(result), type=Declared) == result
    else:
        assert result
        assert all(mistake.message for mistake in result)
        "\n".join(map(str, result)).encode()
