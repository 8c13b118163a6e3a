"""Finding the author among the pieces of a title."""

from __future__ import annotations

import re
from collections.abc import Sequence

from domain.names import LITTLE_WORDS, Likeness, fold, is_genre_phrase, same_person, series_key, words_of
from domain.person_names import SURE, TITLE_WORDS, likeness_to_people, likeness_to_person, people_named
from domain.title_draft import Draft, Known
from domain.title_numbers import ALONE, PHRASE, Counted, counted
from domain.title_pieces import Piece

_BY = re.compile(r"(?:^|\s+)by\s+(?=[^\W\d_])", re.IGNORECASE)
_NOBODY = (LITTLE_WORDS - words_of("de la le von der das")) | words_of(
    "me you him her them us it my your his their our this that night day step one two water fire sea land numbers"
    " design moonlight dawn request blood"
)
"""Words that may follow a `by` within a title."""


def take_by(draft: Draft) -> None:
    """`Title by Author`, also where a bracket or a format stands between."""
    for piece in reversed(draft.pieces):
        cuts = list(_BY.finditer(piece.text))
        if not cuts:
            continue
        head, tail = piece.text[: cuts[-1].start()], piece.text[cuts[-1].end() :].partition(": ")[0]
        if (head or len(draft.pieces) > 1) and _may_be_people(tail, draft.pieces, piece):
            draft.authors, draft.by = people_named(tail, listed=True), True
            draft.replace(piece, head if fold(head) else "", piece.places[: len(head.split())])
            return


def _may_be_people(tail: str, pieces: Sequence[Piece], here: Piece) -> bool:
    words = fold(tail).split()
    by_the = here.joined and here.text.startswith("by The ") and len(words) < 5
    if not words or (words[0] in _NOBODY and not by_the) or not people_named(tail):
        return False
    if not (tail[0].isupper() or here.text.islower() or likeness_to_person(tail)):
        return False
    elsewhere = any(likeness_to_person(piece.text) == SURE for piece in pieces if piece is not here and not piece.mark)
    return likeness_to_person(tail) == SURE or not elsewhere or len(pieces) > 2


def take_author(draft: Draft, known: Known) -> None:
    """The author where no `by` names one."""
    plain = draft.plain
    for piece in plain:
        if len(draft.pieces) > 1 and any(_is_person(piece.text, one) for one in known.authors):
            draft.authors = people_named(piece.text)
            draft.drop(piece)
            return
    if chosen := _likeliest_author(plain, known):
        _take_chosen(draft, plain, *chosen)
    elif plain:
        _take_beside_bracket(draft, plain, known)
        if not draft.authors:
            _take_possessive(draft, plain[0])
        if not draft.authors and len(plain) == 1:
            _take_led_by_person(draft, plain[0], dotted=known.dotted)


def _is_person(text: str, name: str) -> bool:
    glued = fold(text).replace(" ", "")
    return bool(glued) and (same_person(text, name) is Likeness.SAME or glued == fold(name).replace(" ", ""))


def _take_chosen(draft: Draft, plain: Sequence[Piece], piece: Piece, name: str) -> None:
    draft.authors = people_named(name)
    place = next(at for at, one in enumerate(plain) if one is piece)
    if name != piece.text and (count := counted(piece.text)):
        draft.count(count.number, plain[0].text if place else None)  # `Oz-L. Frank Baum 03-Ozma of Oz`
    named = [one for one in plain[place + 1 :] if not ALONE.match(one.text) and not PHRASE.fullmatch(one.text)]
    if any(likeness_to_people(one.text) < SURE for one in named):
        draft.drop(*plain[:place])  # before an author in the middle stands no title
    draft.drop(piece)


def _likeliest_author(plain: Sequence[Piece], known: Known) -> tuple[Piece, str] | None:
    """The piece that names the author, and the name. It stands first as a rule, or last."""
    if len(plain) < 2:
        alone = bool(plain) and known.several and likeness_to_people(plain[0].text) == SURE
        return (plain[0], plain[0].text) if alone else None
    counts = [counted(piece.text) for piece in plain]
    weights = [_weight(plain, counts, place) for place in range(len(plain))]
    best = max(range(len(plain)), key=lambda place: (weights[place], -place))
    if weights[best] and (len(plain) > 2 or not plain[1 - best].text.strip("#").isdecimal()):
        return plain[best], plain[best].text
    if numbered := _numbered_author(plain, counts, known):
        return numbered
    if known.authors:
        return None
    return (plain[0], plain[0].text) if known.musical else _lone_name(plain, counts)


def _weight(plain: Sequence[Piece], counts: Sequence[Counted | None], place: int) -> int:
    """How likely the piece at this place names the author; 0: it does not."""
    likeness = likeness_to_people(plain[place].text)
    behind = counts[place + 1] if place + 1 < len(plain) else None
    before_number = behind is not None and not (behind.name or behind.title)
    if counts[place] is not None or not likeness or (likeness < SURE and before_number):
        return 0  # `Barsoom - 03 - Title`
    if place == 0:
        return likeness + 1
    if likeness < SURE:
        last = place == len(plain) - 1 and counts[0] is None and " " in plain[0].text
        return 1 if last and len(plain) == 2 else 0
    # Who stands behind another person, or behind a bracket without a dash, reads rather than writes.
    outdone = (plain[place].joined and likeness_to_people(plain[0].text)) or (
        place > 1 and likeness_to_people(plain[place - 1].text) == SURE
    )
    return 1 if outdone else 2 if place < len(plain) - 1 else SURE


def _numbered_author(
    plain: Sequence[Piece], counts: Sequence[Counted | None], known: Known
) -> tuple[Piece, str] | None:
    """`Oz-L. Frank Baum 03-Ozma of Oz`, `5. L. Frank Baum - Title`."""
    surnames = {fold(one).split()[-1] for one in known.authors if fold(one)}
    for place, (piece, count) in enumerate(zip(plain[:-1], counts, strict=False)):
        if count is None or (count.name and count.title):
            continue
        name = count.title or (count.name if place else "")
        if likeness_to_person(name) == SURE and (not surnames or fold(name).split()[-1] in surnames):
            return piece, name
    return None


def _lone_name(plain: Sequence[Piece], counts: Sequence[Counted | None]) -> tuple[Piece, str] | None:
    """`Homer - The Odyssey`: one word that is no series and has no subtitle behind it."""
    first, behind = plain[0].text, counts[-1]
    uncounted = counts[0] is None and (behind is None or (bool(behind.name) and not behind.sure))
    lone = len(plain) == 2 and " " not in first and not first[0].islower() and uncounted
    if lone and fold(first) not in LITTLE_WORDS and not is_genre_phrase(plain[1].text):
        return plain[0], first
    return None


def _take_beside_bracket(draft: Draft, plain: Sequence[Piece], known: Known) -> None:
    """`[L. Frank Baum] Ozma of Oz`, `Ozma of Oz (L. Frank Baum)`, `L. Frank Baum - [Ozma of Oz]`."""
    if len(plain) != 1:
        return
    if likeness_to_people(plain[0].text) == SURE and draft.asides and not draft.asides[-1].joined:
        draft.authors = people_named(plain[0].text)
        draft.drop(plain[0])
        return
    for piece in (draft.pieces[0], draft.pieces[-1]):
        outside = piece.mark == "(" or (piece.mark == "[" and piece is draft.pieces[0])
        named = outside and likeness_to_people(piece.text) == SURE and series_key(piece.text) not in known.series
        if named and not known.in_folders and not draft.authors:
            draft.authors = people_named(piece.text)
            draft.drop(piece)


_POSSESSIVE = re.compile(r"^([^\W\d_]\S{0,30}(?:\s[^\W\d_]\S{0,30}?){1,3})(?:['’]s|s(?=\s\S[^,]*, ))\s+(.+)$")


def _take_possessive(draft: Draft, piece: Piece) -> None:
    """`L. Frank Baum's Oz, Book 3`, and without the apostrophe that file names lose."""
    found = _POSSESSIVE.match(piece.text)
    if found and likeness_to_person(found[1]) == SURE and counted(found[2]):
        draft.authors = people_named(found[1])
        _keep_behind(draft, piece, found[2])


_ARTICLES = ("The", "A", "An", "Der", "Die", "Das")


def _take_led_by_person(draft: Draft, piece: Piece, *, dotted: bool) -> None:
    """`Edgar Burroughs The Gods of Mars`: a person, then an article, or a series that is counted.

    `Edgar.Burroughs.Thuvia.m4b`: a name written with dots begins with the author, where it begins with a person.
    """
    words = piece.text.split()
    sizes = [size for size in (2, 3, 4) if size < len(words) and likeness_to_person(" ".join(words[:size])) == SURE]
    led = [size for size in sizes if words[size] in _ARTICLES or (piece.text.islower() and words[size] == "the")]
    size = led[0] if led else _size_of_name(words)
    name, rest = " ".join(words[:size]), " ".join(words[size:])
    if size not in sizes:
        return
    count = counted(rest)
    parted = (count and count.name and count.title and count.sure) or (dotted and fold(words[size]) not in LITTLE_WORDS)
    if led or parted:
        draft.authors = people_named(name)
        _keep_behind(draft, piece, rest)


def _size_of_name(words: Sequence[str]) -> int:
    """How many words the name at the start of a text has: two, or three where the second is another given name."""
    longer = len(words) > 4 and likeness_to_person(" ".join(words[1:3])) == SURE
    initial = len(words) > 3 and len(words[1].strip(".")) == 1
    return 3 if initial or (longer and fold(words[2]) not in TITLE_WORDS | LITTLE_WORDS) else 2


def _keep_behind(draft: Draft, piece: Piece, text: str) -> None:
    draft.replace(piece, text, piece.places[-len(text.split()) :])


def drop_people(draft: Draft, known: Known) -> None:
    """Take away the pieces that name the author once more."""
    everybody = {word for name in draft.authors for word in fold(name).split()}
    for piece in list(draft.pieces):
        same = any(_is_person(piece.text, name) for name in (*draft.authors, *known.authors))
        mixed = len(everybody) > 1 and set(fold(piece.text).split()) == everybody
        if mixed and len(people_named(piece.text)) > 1:
            draft.authors = people_named(piece.text)  # there they are told apart
        if (same or mixed) and len(draft.pieces) > 1:
            draft.drop(piece)
