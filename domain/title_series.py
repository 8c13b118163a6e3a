"""Finding series, number and title among the pieces that are left once the author is known."""

from __future__ import annotations

import re
from collections.abc import Sequence

from domain.names import LITTLE_WORDS, fold, is_genre_phrase, series_key
from domain.person_names import SURE, likeness_to_people
from domain.title_draft import Draft, Known
from domain.title_numbers import ALONE, PHRASE, Counted, counted, without_series_word
from domain.title_pieces import Piece

_NAMES_SERIES = re.compile(
    r"\b(?:series|saga|trilogy|chronicles?|cycle|reihe|serie|quartet|quintet|duology|sequence)\b", re.IGNORECASE
)


def take_brackets(draft: Draft) -> None:
    """`(Oz, Book 3)`, `[Oz 03]`, `(Book 3 of Oz)`, `(3)`; what else brackets say is kept aside."""
    if not draft.plain:
        return
    for piece in list(draft.pieces):
        if not piece.mark:
            _take_hash(draft, piece)
            continue
        count = counted(piece.text)
        if count and not count.title:
            if not count.name:
                _take_series_before(draft, piece)
            draft.count(count.number, count.name)
        elif draft.series is None and " " in piece.text and _NAMES_SERIES.search(piece.text):
            draft.count(None, without_series_word(piece.text))
        elif not draft.authors and piece.mark in "([" and likeness_to_people(piece.text) == SURE:
            continue  # perhaps the author
        else:
            draft.asides.append(piece)
        draft.drop(piece)


def _take_hash(draft: Draft, piece: Piece) -> None:
    """`# 3 (Oz) - Title`: the number stands apart, and the bracket behind it names the series."""
    count = counted(piece.text) if re.fullmatch(r"#\d{1,3}", piece.text) else None
    if count is None or len(draft.plain) < 2:
        return
    at = draft.pieces.index(piece)
    behind = [one for one in draft.pieces[at + 1 : at + 2] if one.mark]
    draft.count(count.number, behind[0].text if behind else None)
    draft.drop(piece, *behind)


def _take_series_before(draft: Draft, piece: Piece) -> None:
    """`Barsoom [03] The Warlord of Mars`, `[Barsoom - Book 3]`: a bare number behind the series."""
    at = draft.pieces.index(piece)
    if draft.asides and not piece.joined and draft.asides[-1].mark == piece.mark:
        draft.count(None, draft.asides.pop().text)
        return
    around = draft.pieces[at - 1 : at] + draft.pieces[at + 1 : at + 2]
    if len(around) == 2 and around[1].joined and not any(one.mark for one in around):
        draft.count(None, around[0].text)
        draft.drop(around[0])


def take_count(draft: Draft, known: Known) -> None:
    """The piece that counts: `Oz 03`, `Book 3`, `03 Ozma of Oz`, `Oz 03 Ozma of Oz`, `Ozma of Oz: Oz, Book 3`."""
    plain = draft.plain
    counts = [(piece, count) for piece in plain if (count := counted(piece.text)) is not None]
    if not counts:
        _take_named_series(draft, known)
        return
    first_piece, first = counts[0]
    leads = known.in_folders and first_piece is plain[0] and not first.name and first.sure
    sure = [pair for pair in counts if pair[1].sure]
    piece, count = counts[0] if leads else (sure or [pair for pair in counts if pair[1].name] or counts)[-1]
    again = [one for one, other in counts if one is not piece and other.number.same(count.number)]
    draft.drop(*[one for one in again if ALONE.match(one.text) or PHRASE.fullmatch(one.text)])
    if count.sure or count.name or known.in_folders:  # else "17 Stories"
        _apply(draft, piece, count)


def _apply(draft: Draft, piece: Piece, count: Counted) -> None:
    plain = draft.plain
    at = next(place for place, one in enumerate(plain) if one is piece)
    before, behind = plain[:at], plain[at + 1 :]
    if count.name and count.title:
        draft.count(count.number, _split_at_colon(count.name)[1])
        # "Oz, Vol. 3: Ozma of Oz by …" is how shops write the title; elsewhere the series stands before it.
        whole = draft.by or is_genre_phrase(count.title)
        draft.name((count.whole if whole else "") or count.title, piece)
    elif count.title:
        draft.count(count.number, before[-1].text if before else None)
        draft.name(count.title, piece, *before[-1:])
    elif count.name and (before or behind):
        _apply_beside(draft, piece, count, before, behind)
    elif count.name:
        _apply_to_title(draft, piece, count)
    elif behind:
        draft.count(count.number, before[-1].text if before else None)
        draft.name(behind[0].text, piece, behind[0], *before[-1:])
    elif before or draft.authors or draft.position is not None:
        draft.count(count.number)
        draft.drop(piece)
    # else "1984", "1.5": the number is the title


def _apply_beside(draft: Draft, piece: Piece, count: Counted, before: Sequence[Piece], behind: Sequence[Piece]) -> None:
    """`Oz 03 - Ozma of Oz`, `Ozma of Oz - Oz 03`, `Ozma of Oz: Oz 03 - …`."""
    title, name = _split_at_colon(count.name)
    draft.count(count.number, name)
    if title and not behind:
        draft.name(title, piece)
    else:
        chosen = behind[0] if behind else before[-1]
        draft.name(chosen.text, piece, chosen)


def _split_at_colon(text: str) -> tuple[str, str]:
    """Title and series of `Ozma of Oz: Oz`; the whole text is the series where no colon stands."""
    title, colon, name = text.rpartition(": ")
    return (title, name) if colon else ("", text)


def _apply_to_title(draft: Draft, piece: Piece, count: Counted) -> None:
    """The only piece counts: `Ozma of Oz: Oz, Book 3`, `Ozma of Oz, Oz Book 3`, `Oz, Book 3`, `Oz 3`."""
    title, name = _split_at_colon(count.name)
    if count.whole:
        title, name = "", "" if title else name
    elif not title and count.sure:
        title, name = _split_at_comma(count.name)
    if title and is_genre_phrase(name):
        title, name = count.name, title
    if title:
        draft.count(count.number, without_series_word(name))
        draft.name(title, piece)
        return
    # "Oz, Book 3" has a title, "Oz #3" and "Oz 3" only a series; which of both it is nobody can tell.
    counts_books = count.sure and not count.whole and "#" not in piece.text
    draft.position = draft.position or count.number
    draft.series = draft.series or (None if counts_books and PHRASE.search(piece.text) else name) or None
    draft.name(count.whole or (count.name if counts_books else piece.text), piece)
    draft.doubtful = True


def _split_at_comma(text: str) -> tuple[str, str]:
    """Title and series of `The Gods of Mars, Barsoom Series` and of `Ozma of Oz, Oz`."""
    title, _, name = text.partition(", ")
    words = fold(name).split()
    several = len(words) > 1 and words[0] not in LITTLE_WORDS - {"the"} and words[0] != "and"
    return (title, name) if several or (words and words[0] in fold(title).split()) else ("", text)


def _take_named_series(draft: Draft, known: Known) -> None:
    """A piece that calls itself a series, or that is known to be one, beside another that is the title."""
    plain = draft.plain
    for piece in plain if len(plain) > 1 else []:
        named = len(piece.text.split()) < 7 and _NAMES_SERIES.search(piece.text.split(": ")[-1])
        if named or series_key(piece.text) in known.series:
            draft.count(None, without_series_word(piece.text))
            draft.drop(piece)
            return


def take_title(draft: Draft, known: Known) -> None:
    """The title where no number points to it: of several pieces the last, unless that explains the first."""
    plain = draft.plain or draft.pieces
    if not plain:
        return
    if draft.by and len(plain) > 1:
        joined = any(piece.joined or piece.text.startswith(plain[0].text) for piece in plain[1:])
        kept = plain[:1] if joined else plain
        draft.name(" - ".join(piece.text for piece in kept), *kept)
        return
    dashed = [piece for at, piece in enumerate(plain) if not at or not piece.joined]
    while len(dashed) > 1 and draft.authors and likeness_to_people(dashed[-1].text) == SURE:
        dashed.pop()  # who stands behind the title reads it
    first = known.in_folders or draft.position is not None or (len(dashed) > 1 and _is_subtitle(dashed[1].text))
    chosen = dashed[0] if first else dashed[-1]
    draft.name(chosen.text, chosen)


def _is_subtitle(text: str) -> bool:
    """Whether a piece explains the title before it: "The Strange Story of the City under the Sea"."""
    return is_genre_phrase(text) or len(text.split()) > 5 or fold(text).endswith(("collection", "novel", "stories"))
