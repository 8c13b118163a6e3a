"""What a source said to one question, remembered over time: half an answer, an empty one or a dead source take nothing
away (contracts: metadata, sections 2.2 and 4.7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from domain.catalogue.claims import Answer, BookClaim, PersonClaim, SeriesClaim, SeriesMember

ENOUGH_ABSENCES = 3
ENOUGH_TIME = timedelta(days=14)
PLAUSIBLE_SHARE = 0.6
"""A complete list with less than this share of the last good one counts as doubtful."""


class Absence(msgspec.Struct, frozen=True, kw_only=True):
    """A member that complete answers no longer hold."""

    count: int
    since: datetime

    def counts(self, now: datetime) -> bool:
        """Whether the source has taken its word back: enough complete answers over enough time."""
        return self.count >= ENOUGH_ABSENCES and now - self.since >= ENOUGH_TIME


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one source ever said to one question that still counts, with how the last try went."""

    source: str
    question: str
    """`claims.question_key` of the question."""
    answer: Answer
    answered_at: datetime | None = None
    """When the last good answer came; None when there never was one."""
    asked_at: datetime
    absences: dict[str, Absence] = {}
    """`list id` + " " + member id -> how often complete answers lacked it."""
    trouble: str = ""
    """Why the last try gave no (whole) answer; "" after a good one."""
    trouble_code: str = ""
    refused: bool = False
    """The last try was refused: only a person or a new version helps."""

    def taken_back(self, list_id: str, member: str, now: datetime) -> bool:
        absence = self.absences.get(f"{list_id} {member}")
        return absence is not None and absence.counts(now)


def could_not_look(
    before: Heard | None, source: str, question: str, *, code: str, why: str, refused: bool, now: datetime
) -> Heard:
    """A try that taught nothing: what was known stays, and grows older."""
    known = before or Heard(
        source=source, question=question, answer=Answer(source=source, complete=False), asked_at=now
    )
    return msgspec.structs.replace(known, asked_at=now, trouble=why, trouble_code=code, refused=refused)


def remember(before: Heard | None, source: str, question: str, answer: Answer, now: datetime) -> Heard:
    """The memory after one more answer. Claims are replaced by newer ones with the same id, and never dropped."""
    old = before.answer if before else Answer(source=source)
    absences = dict(before.absences) if before else {}
    series, people, shrank = [], [], []
    for claim in _latest(old.series, answer.series):
        earlier = next((one for one in old.series if one.id == claim.id), None)
        merged, doubt = _list_of_series(earlier, claim, absences, now) if claim in answer.series else (claim, "")
        series.append(merged)
        shrank += [doubt] if doubt else []
    for person in _latest(old.people, answer.people):
        earlier_person = next((one for one in old.people if one.id == person.id), None)
        whole, doubt = (
            _list_of_person(earlier_person, person, absences, now) if person in answer.people else (person, "")
        )
        people.append(whole)
        shrank += [doubt] if doubt else []
    emptied = bool(old.found and not answer.found)
    if emptied:
        shrank.append(f"{source} answered with nothing where it had something before")
    complete = answer.complete and not shrank
    return Heard(
        source=source,
        question=question,
        answer=Answer(
            source=source,
            books=tuple(_latest(old.books, answer.books)),
            series=tuple(series),
            people=tuple(people),
            aliases=tuple(dict.fromkeys((*old.aliases, *answer.aliases))),
            dropped=answer.dropped,
            complete=complete,
            notes=answer.notes,
        ),
        # What is shown is as old as the last answer that could be believed.
        answered_at=before.answered_at if before and shrank else now,
        asked_at=now,
        absences=absences,
        trouble="; ".join(shrank) or ("" if answer.complete else "the answer was not complete"),
        trouble_code="CatalogueShrank" if shrank else "" if answer.complete else "CatalogueIncomplete",
    )


Claim = BookClaim | SeriesClaim | PersonClaim


def _latest(old: Iterable[Claim], new: Iterable[Claim]) -> list:  # type: ignore[type-arg]
    """By id, the newer claim; a stub does not replace details, since it only says that the shop does not sell it."""
    kept: dict[str, Claim] = {claim.id: claim for claim in old}
    for claim in new:
        earlier = kept.get(claim.id)
        if isinstance(claim, BookClaim) and claim.stub and isinstance(earlier, BookClaim) and not earlier.stub:
            continue
        kept[claim.id] = claim
    return list(kept.values())


def _list_of_series(
    old: SeriesClaim | None, new: SeriesClaim, absences: dict[str, Absence], now: datetime
) -> tuple[SeriesClaim, str]:
    if old is None or old.members is None:
        return new, ""
    if new.members is None:
        return msgspec.structs.replace(new, members=old.members, complete=old.complete), ""
    before = [member.id for member in old.members]
    after = {member.id for member in new.members}
    doubt = _absent(new.id, new.name, before, after, absences, now, complete=new.complete)
    members: dict[str, SeriesMember] = {member.id: member for member in old.members}
    members |= {member.id: member for member in new.members}
    return msgspec.structs.replace(new, members=tuple(members.values())), doubt


def _list_of_person(
    old: PersonClaim | None, new: PersonClaim, absences: dict[str, Absence], now: datetime
) -> tuple[PersonClaim, str]:
    if old is None or old.books is None:
        return new, ""
    if new.books is None:
        return msgspec.structs.replace(new, books=old.books, complete=old.complete), ""
    doubt = _absent(new.id, new.name, old.books, set(new.books), absences, now, complete=new.complete)
    return msgspec.structs.replace(new, books=tuple(dict.fromkeys((*old.books, *new.books)))), doubt


def _absent(
    list_id: str,
    name: str,
    before: Iterable[str],
    after: set[str],
    absences: dict[str, Absence],
    now: datetime,
    *,
    complete: bool,
) -> str:
    """Count what a complete list lacks; what any list holds is there again. Returns the doubt about a list that
    shrank: it counts for nothing."""
    known = [member for member in before if not _gone(absences, list_id, member, now)]
    for member in after:
        absences.pop(f"{list_id} {member}", None)
    if not complete:
        return ""
    if len(after) < PLAUSIBLE_SHARE * len(known):
        return f"the list of {name} shrank from {len(known)} to {len(after)}"
    for member in before:
        if member not in after:
            earlier = absences.get(f"{list_id} {member}")
            absences[f"{list_id} {member}"] = Absence(
                count=earlier.count + 1 if earlier else 1, since=earlier.since if earlier else now
            )
    return ""


def _gone(absences: dict[str, Absence], list_id: str, member: str, now: datetime) -> bool:
    absence = absences.get(f"{list_id} {member}")
    return absence is not None and absence.counts(now)
