"""A better copy of a book that the library holds: when one is looked for, and what counts as better.

Better is a format that stands before the present one in the profile's list, and nothing else: each upgrade climbs that
list, so there is never a next one for ever. What is unknown is never worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec

from domain.actions import Decision, Grab, Hold, Reason, Search, Settle
from domain.case import Case
from domain.downloading import download
from domain.gates import Answer, Verdict, judge_files
from domain.manifest import ProfileSpec
from domain.matching import formats_of
from domain.names import fold
from domain.proof import is_audio
from domain.releases import Release, TorrentFile
from domain.shelf_names import is_disc_folder
from domain.taking import take
from domain.wants import Want
from domain.world import Item, Outcome

REPLACED = "replaced by "
"""Begins the detail of a publication that took the place of an older copy; its formats follow."""


def is_better(formats: Iterable[str], than: Iterable[str], profile: ProfileSpec) -> bool:
    """Whether the worst of these formats stands before the best of those in the profile's list. Unknown: no."""
    new, old = _places(formats, profile), _places(than, profile)
    return bool(new and old) and max(new) < min(old)


def _places(formats: Iterable[str], profile: ProfileSpec) -> tuple[int, ...]:
    """Where they stand in the profile's list, best first; nothing when one of them does not."""
    order = [name.casefold() for name in profile.formats]
    shown = [name.casefold() for name in formats]
    return tuple(order.index(name) for name in shown) if all(name in order for name in shown) else ()


def below_cutoff(item: Item, profile: ProfileSpec) -> bool:
    """Whether the profile wants a better copy than this one. A format that is unknown or not in its list is left."""
    if not profile.upgrade.allowed or not profile.formats:
        return False
    return is_better((profile.upgrade.cutoff or profile.formats[0],), item.formats, profile)


def upgradable(case: Case) -> Item | None:
    """The one item that is this book and may be replaced: none where two are there, or a person has a say in it."""
    owned = case.owned
    if not case.settled or len(owned.items) != 1 or owned.maybe or owned.missing:
        return None
    [item] = owned.items
    alone = len(case.paths.get(item.rel_path, ())) == 1 and _this_book_alone(case.want, item)
    return item if alone and not item.is_invalid and below_cutoff(item, case.want.profile) else None


LONGER_BY = 1.35
"""What is longer than the longest recording by so much holds more than the book."""


def _this_book_alone(want: Want, item: Item) -> bool:
    """Whether the item is the book, and no set that has it too: in its place the others would be lost."""
    if item.keys is None or item.keys.sets or any(not place.single for _, place in item.keys.series):
        return False
    sets = {fold(one) for one in want.sets}
    if sets & {fold(item.title), fold(item.asin or "")} - {""}:
        return False
    longest_s = max(want.lengths_min, default=0) * 60
    return not (longest_s and item.duration_s and item.duration_s > longest_s * LONGER_BY)


def formats_in(files: Iterable[TorrentFile]) -> tuple[str, ...]:
    """The audio formats among these files, sorted."""
    return tuple(sorted({file.extension for file in files if is_audio(file)}))


def judge_upgrade(want: Want, files: Sequence[TorrentFile], there: Sequence[TorrentFile]) -> tuple[Verdict, ...]:
    """Whether these files are of a better format than those of the copy that is there."""
    new, old = formats_in(files), formats_in(there)
    given = Answer.CONFIRMED if is_better(new, old, want.profile) else Answer.NO
    rule = "BetterFormat" if given is Answer.CONFIRMED else "NotBetter"
    return (Verdict(gate="shape", rule=rule, answer=given, seen=" ".join(new), limit=f"better than {' '.join(old)}"),)


def not_one_book(want: Want, rel_path: str, files: Sequence[TorrentFile] | None) -> str | None:
    """Why the folder of an owned item must not be replaced: it holds more than this book, or is not there."""
    if not files:
        return f"nothing stands at {rel_path} in the folder that is published to"
    audio = [file for file in files if is_audio(file)]
    if not audio:
        return f"{rel_path} holds no audio"
    if [file.path for file in files] == [rel_path.rpartition("/")[2]]:
        return f"{rel_path} is a file and no folder of its own"
    deep = [file.path for file in audio if not _of_the_folder(file.path)]
    if deep:
        return f"{rel_path} holds more than this book: {deep[0]}"
    inside = [msgspec.structs.replace(file, path=f"{rel_path}/{file.path}") for file in audio]
    several = [one.seen for one in judge_files(want, inside) if one.rule == "Pack"]
    return f"{rel_path} holds more than this book: {several[0]}" if several else None


def _of_the_folder(path: str) -> bool:
    """Whether the library takes this file for one of the book's: it lies in its folder, or in a disc's."""
    folder, _, _ = path.rpartition("/")
    return not folder or is_disc_folder(folder)


# --- what is done ----------------------------------------------------------------------------------------------------


def upgrade(case: Case) -> Decision | None:
    """The next step towards a better copy of a book that the library holds; None when there is nothing to do.

    Whatever keeps it waiting, the book stays what it is: in the library.
    """
    if case.upgrading:
        return _gone_on_with(case)
    item = upgradable(case)
    if item is None:
        return None
    better = _better(case, item)
    if not better:
        return _search(case)
    taken = take(case, better, "UpgradeFound")
    if not isinstance(taken, Grab):
        return kept_from(case, taken.because) if taken else None
    if (grab := case.live_grab) is not None:
        # Of one want one grab is live: the earlier one has brought its book.
        reason = Reason("UpgradeFound", "the library has the book that it was for, and a better copy is offered")
        detail = grab.detail or "its book is in the library"
        return Settle(case.want.key, grab.id, Outcome.CONFIRMED, reason, detail)
    return msgspec.structs.replace(taken, replaces=item.rel_path)


def in_library(case: Case, more: str = "") -> Hold:
    """The hold of a book that is there, with what else is to be said."""
    where = case.owned.items[0].rel_path
    others = f" and {len(case.owned.items) - 1} more" if len(case.owned.items) > 1 else ""
    return case.hold("InLibrary", f"{where}{others}" + (f"; {more}" if more else ""))


def kept_from(case: Case, reason: Reason) -> Hold:
    """The hold of a want whose next step has to wait: of a missing book for this reason, of one that is there only as
    far as a better copy goes."""
    if case.settled:
        return in_library(case, f"a better copy waits: {reason.message}")
    return Hold(case.want.key, reason)


def _better(case: Case, item: Item) -> list[Release]:
    """Confirmed releases of a better format that were not tried before, whatever came of them."""
    retry = case.overrides.get("retry")
    tried = {
        claim.release
        for claim in case.grabs
        if claim.outcome is not Outcome.UNSENT and (retry is None or claim.claimed_at >= retry.at)
    }
    return [
        judged.release
        for judged in case.judged
        if judged.answer is Answer.CONFIRMED
        and judged.release.id not in tried
        and is_better(formats_of(judged.release), item.formats, case.want.profile)
    ]


def _search(case: Case) -> Decision | None:
    """At the slow pace, or when a person asks for this book."""
    if not case.indexers:
        return None
    searched = case.world.searches.get(case.want.key)
    if searched is None:
        return Search(case.want.key, Reason("UpgradeSearched", "a better copy was never searched for"))
    asked = case.world.requests.get(case.want.key)
    due = searched.at + timedelta(hours=case.policy.retries.search_hours_later)
    if (asked is None or asked <= searched.at) and case.now < due:
        return None
    since = f"a better copy was last searched for {searched.at:%Y-%m-%d %H:%M} UTC"
    return Search(case.want.key, Reason("UpgradeSearched", since))


def _gone_on_with(case: Case) -> Decision:
    """An upgrade in flight goes the way of any download, as long as its place is the book's and it is wanted."""
    grab = case.live_grab
    assert grab is not None  # what `upgrading` says
    mine = [item.rel_path for item in case.owned.items if _this_book_alone(case.want, item)]
    if mine != [grab.path] or len(case.owned.items) != 1 or not case.want.profile.upgrade.allowed:
        reason = Reason("UpgradeDropped", f"{grab.path} is not to be replaced any more")
        return Settle(case.want.key, grab.id, Outcome.ABANDONED, reason, "not to be replaced any more")
    decision = download(case)
    if isinstance(decision, Hold):
        return in_library(case, f"a better copy: {decision.because.message}")
    return decision or in_library(case)
