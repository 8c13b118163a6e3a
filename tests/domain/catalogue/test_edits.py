"""What people decide about the catalogue: it counts at once, survives every refresh, and can be undone."""

from __future__ import annotations

import msgspec

from domain.catalogue.books import Book, Catalogued, Edit, EditVerb, Subject
from domain.catalogue.claims import BookClaim
from domain.catalogue.derive import derive
from domain.wants import MemberKind
from tests.domain.catalogue.said import NOW, chosen, derived, heard, oz, product, series, wanted, wanted_of, work

OZMA, TIKTOK = "asin:B0OZ000003", "asin:B0OZ000008"


def edit(verb: EditVerb, book: str, *, number: int = 1, **fields: str) -> Edit:
    return Edit(id=number, verb=verb, book=book, at=NOW, who="ana", **fields)


def books(*claims: BookClaim, edits: tuple[Edit, ...] = (), subject: Subject | None = None) -> dict[str, Book]:
    return {book.title: book for book in derived(subject or series(), *claims, edits=edits).books}


def ids_kept(catalogued: Catalogued) -> dict[str, str]:
    """What a store would remember: provider id -> our id."""
    return {one: book.id for book in catalogued.books for one in book.ids}


# Two titles that nothing joins: a serial's name, and the book's.
SERIAL = work("openlibrary", "OL9W", "Beyond the Deadly Desert", {"Oz": None})


def test_two_books_that_a_person_merged_are_one_and_say_so():
    merge = edit(EditVerb.MERGE, OZMA, other=SERIAL.id)

    found = books(*oz(), SERIAL, edits=(merge,))

    assert SERIAL.id in found["Ozma of Oz"].ids
    assert "Beyond the Deadly Desert" in found["Ozma of Oz"].other_titles
    assert "ana said that they are one book" in found["Ozma of Oz"].joined


def test_a_merge_by_our_own_id_is_found_through_what_was_known():
    first = derived(series(), *oz(), SERIAL)
    ozma, serial = (next(b.id for b in first.books if b.title == title) for title in ("Ozma of Oz", SERIAL.title))
    merge = edit(EditVerb.MERGE, ozma, other=serial)

    again = derived(series(), *oz(), SERIAL, known=ids_kept(first), edits=(merge,))

    merged = next(book for book in again.books if book.title == "Ozma of Oz")
    assert {SERIAL.id, ozma, serial} <= set(merged.ids)


def test_without_the_merge_everything_is_as_before():
    before = derived(series(), *oz(), SERIAL)
    merged = derived(series(), *oz(), SERIAL, edits=(edit(EditVerb.MERGE, OZMA, other=SERIAL.id),))

    assert merged != before
    assert derived(series(), *oz(), SERIAL) == before


TWIN = product("B0OZ000103", "Ozma of Oz", {"Oz": "3"}, narrator="Tom Voice")
OF_HARDCOVER = work("hardcover", 3, "Ozma of Oz", {"Oz": "3"})


def test_what_a_person_split_is_two_books_and_the_rest_stays_together():
    split = edit(EditVerb.SPLIT, OZMA, other=TWIN.id)

    found = derived(series(), *oz(), TWIN, OF_HARDCOVER, edits=(split,))

    [with_twin] = [book for book in found.books if TWIN.id in book.ids]
    [with_ozma] = [book for book in found.books if OZMA in book.ids]
    assert with_twin.id != with_ozma.id
    assert OF_HARDCOVER.id in with_ozma.ids
    assert OF_HARDCOVER.id not in with_twin.ids
    assert with_twin.alternate_of == with_ozma.id
    assert len(wanted_of(found)) == 6


def test_the_part_that_most_records_went_to_keeps_the_id_when_a_book_is_split():
    claims = (*oz(), TWIN, OF_HARDCOVER)
    before = derived(series(), *claims)
    [ozma] = [book.id for book in before.books if OZMA in book.ids]

    split = derived(series(), *claims, known=ids_kept(before), edits=(edit(EditVerb.SPLIT, OZMA, other=TWIN.id),))
    undone = derived(series(), *claims, known=ids_kept(before) | ids_kept(split))

    assert [book.id for book in split.books if OZMA in book.ids] == [ozma]
    assert [book.id for book in split.books if TWIN.id in book.ids] != [ozma]
    assert [book.id for book in undone.books if TWIN.id in book.ids] == [ozma]


def test_a_split_survives_a_refresh_with_new_records_of_the_same_title():
    split = edit(EditVerb.SPLIT, OZMA, other=TWIN.id)
    new = product("B0OZ000203", "Ozma of Oz (Unabridged)", {"Oz": "3"}, narrator="Ida Lector")

    found = derived(series(), *oz(), TWIN, new, edits=(split,))

    [with_twin] = [book for book in found.books if TWIN.id in book.ids]
    assert OZMA not in with_twin.ids


def test_a_corrected_title_number_and_kind_are_shown_and_named_as_a_persons_word():
    edits = (
        edit(EditVerb.CORRECT, OZMA, field="title", value="Ozma"),
        edit(EditVerb.CORRECT, OZMA, number=2, field="position", value="30"),
        edit(EditVerb.CORRECT, OZMA, number=3, field="authors", value="Frank Baum"),
    )

    ozma = books(*oz(), edits=edits)["Ozma"]

    assert (ozma.position, ozma.authors) == ("30", ("Frank Baum",))
    assert {said.field for said in ozma.said if said.source == "person"} == {"title", "position", "authors"}
    assert {conflict.field: conflict.because for conflict in ozma.conflicts}["position"] == "a person said so"


def test_a_number_that_a_person_gave_confirms_the_book():
    lost = work("openlibrary", "OL7W", "The Patchwork Girl of Oz", {"Oz": "70"}, recorded=True)

    edits = (edit(EditVerb.CORRECT, lost.id, field="position", value="7"),)

    assert ("7", "The Patchwork Girl of Oz") not in wanted(series(), *oz(), lost)
    assert ("7", "The Patchwork Girl of Oz") in wanted(series(), *oz(), lost, edits=edits)


def test_a_person_may_take_a_number_away_and_name_a_kind():
    edits = (
        edit(EditVerb.CORRECT, OZMA, field="position", value=""),
        edit(EditVerb.CORRECT, "asin:B0OZ000002", number=2, field="kind", value="companion"),
    )

    found = books(*oz(), edits=edits)

    assert (found["Ozma of Oz"].position, found["Ozma of Oz"].kind) == (None, MemberKind.UNPLACED)
    assert found["The Marvelous Land of Oz"].kind is MemberKind.COMPANION
    assert found["The Marvelous Land of Oz"].kind_because == "a person said so"


def test_the_later_of_two_corrections_counts():
    edits = (
        edit(EditVerb.CORRECT, OZMA, field="position", value="30"),
        edit(EditVerb.CORRECT, OZMA, number=2, field="position", value="31"),
    )

    assert books(*oz(), edits=edits)["Ozma of Oz"].position == "31"


def test_a_correction_that_cannot_be_read_changes_nothing():
    edits = (
        edit(EditVerb.CORRECT, OZMA, field="kind", value="masterpiece"),
        edit(EditVerb.CORRECT, OZMA, number=2, field="first_published", value="long ago"),
        edit(EditVerb.CORRECT, OZMA, number=3, field="position", value="third"),
    )

    assert derived(series(), *oz(), edits=edits) == derived(series(), *oz())


def test_a_correction_follows_the_book_when_its_record_has_a_new_id():
    before = derived(series(), *oz())
    correct = edit(EditVerb.CORRECT, OZMA, field="title", value="Ozma")
    renewed = product("B0OZ000303", "Ozma of Oz", {"Oz": "3"}, narrator="Ida Lector")

    found = derived(series(), *oz(), renewed, known=ids_kept(before), edits=(correct,))

    [ozma] = [book for book in found.books if renewed.id in book.ids]
    assert ozma.title == "Ozma"


def test_a_person_s_number_wins_over_the_book_that_stood_there():
    other = product("B0OZ000099", "The Other Book", {"Oz": "3"})
    edits = (edit(EditVerb.CORRECT, other.id, field="position", value="3"),)

    found = derived(series(), *oz(), other, OF_HARDCOVER, edits=edits)

    assert ("3", "The Other Book") in wanted_of(found)
    assert [one.code for one in chosen(found) if one.book.title == "Ozma of Oz"] == ["Alternate"]


def test_edits_about_books_that_are_not_here_change_nothing():
    edits = tuple(
        edit(verb, "asin:B0NOTHERE0", other="asin:B0NOTHERE1", field="title", value="x", number=number)
        for number, verb in enumerate(EditVerb)
    )

    assert derived(series(), *oz(), edits=edits) == derived(series(), *oz())


def test_the_order_of_answers_does_not_matter_beside_edits():
    edits = (edit(EditVerb.MERGE, OZMA, other=SERIAL.id), edit(EditVerb.SPLIT, OZMA, other=TWIN.id, number=2))
    claims = [*oz(), SERIAL, TWIN, OF_HARDCOVER]

    first = derive(series(), heard(*claims), edits=edits, now=NOW)
    again = derive(series(), tuple(reversed(heard(*reversed(claims)))), edits=edits, now=NOW)

    assert msgspec.structs.replace(again, sources=()) == msgspec.structs.replace(first, sources=())
