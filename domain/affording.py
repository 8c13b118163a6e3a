"""What keeps a right release from being taken now: disk space, and what it would cost the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec

from domain.accounts import Account
from domain.actions import Reason
from domain.case import GB, LIVE, Case
from domain.manifest import Spending
from domain.releases import Release
from domain.wants import Want
from domain.world import Claim


def cannot_afford(release: Release, case: Case) -> Reason | None:
    """What stands against taking this release now: the disk first, then our account with its indexer."""
    account = case.world.accounts.get(release.indexer)
    size_bytes = likely_bytes(release, case.want)
    return _disk_refuses(size_bytes, case) or account_refuses(
        release, account, case.policy.spending, size_bytes=size_bytes, pending_bytes=case.pending_bytes
    )


def _disk_refuses(size_bytes: int, case: Case) -> Reason | None:
    floor = case.policy.budgets.free_disk_gb * GB
    if case.world.free_bytes is None:
        return Reason("DiskUnknown", "free space for downloads is unknown; `doctor` says why")
    left = case.world.free_bytes - case.pending_bytes - size_bytes
    if left < floor:
        return Reason("DiskFull", f"{left / GB:.1f} GB would be left, the policy keeps {floor / GB:.1f} GB")
    return None


def likely_bytes(release: Release, want: Want) -> int:
    """Its size; one that is not said counts as the largest that the profile takes, for unknown is never zero."""
    return release.size_bytes if release.size_bytes is not None else int(want.profile.max_size_gb * GB)


# The account.

ACCOUNT_REFUSES = frozenset({"AccountFull", "AccountUnknown", "RatioLow"})
"""Codes of what an account says against a release. They pass by themselves, or with another release."""

RECORD_LAGS = timedelta(minutes=5)
"""How much older than our reading a tracker's own record may be: grabs of that time count as not yet in it."""


def counted(accounts: Mapping[str, Account], claims: Iterable[Claim]) -> dict[str, Account]:
    """Each account with our live grabs that its record may not know of."""
    since = {name: account.read_at - RECORD_LAGS for name, account in accounts.items()}
    grabs = [one for one in claims if one.action == "grab"]
    # A pack is one torrent with a claim for each of its books, of which one names the indexer.
    offered_by = {one.release: one.indexer for one in grabs if one.indexer}
    live = {one.ids or one.id: one for one in grabs if one.outcome in LIVE and one.release in offered_by}
    found = Counter(
        name for one in live.values() if (name := offered_by[one.release]) in since and one.claimed_at >= since[name]
    )
    return {name: msgspec.structs.replace(one, grabbed_since=found[name]) for name, one in accounts.items()}


def account_refuses(
    release: Release, account: Account | None, spending: Spending, *, size_bytes: int, pending_bytes: int
) -> Reason | None:
    """What our account with its indexer says against taking it; `account` is None where the indexer keeps none.

    `pending_bytes` is what earlier downloads will still add to the account. What the account does not say waits.
    """
    if spending.freeleech_only and release.download_factor != 0:
        return Reason("NotFree", "the policy takes free releases only")
    if account is None or not account.kept:
        return None
    return _slots_refuse(account, spending) or _ratio_refuses(release, account, spending, size_bytes, pending_bytes)


def _slots_refuse(account: Account, spending: Spending) -> Reason | None:
    """Going past the limit freezes the account's downloads for a day, also for a free release."""
    if account.unsatisfied is None or account.unsatisfied_limit is None:
        return _unknown(account, "how many torrents still owe seeding, and how many may")
    used = account.unsatisfied + account.grabbed_since
    if used < account.unsatisfied_limit - spending.slots_reserve:
        return None
    since = f" ({account.grabbed_since} of them grabbed since that was read)" if account.grabbed_since else ""
    return Reason(
        "AccountFull",
        f"{used} of {account.unsatisfied_limit} torrents at {account.indexer} still owe seeding{since}, and the policy "
        f"keeps {spending.slots_reserve} free; it goes on when one has seeded enough",
    )


def _ratio_refuses(
    release: Release, account: Account, spending: Spending, size_bytes: int, pending_bytes: int
) -> Reason | None:
    factor = 1.0 if release.download_factor is None else release.download_factor
    floor = spending.ratio_floor
    if factor == 0 or floor == 0:
        return None
    if account.ratio is not None and account.ratio < floor:
        return Reason(
            "RatioLow", f"the ratio at {account.indexer} is {account.ratio:.2f}, the policy keeps {floor:.2f}"
        )
    if account.uploaded_bytes is None or account.downloaded_bytes is None:
        return _unknown(account, "what was uploaded and downloaded")
    downloaded = account.downloaded_bytes + pending_bytes + size_bytes * factor
    if downloaded <= 0 or account.uploaded_bytes / downloaded >= floor:
        return None
    pending = f" and {pending_bytes / GB:.1f} GB still coming" if pending_bytes else ""
    return Reason(
        "RatioLow",
        f"the ratio at {account.indexer} would be {account.uploaded_bytes / downloaded:.2f} after "
        f"{size_bytes * factor / GB:.1f} GB{pending}, the policy keeps {floor:.2f}",
    )


def _unknown(account: Account, what: str) -> Reason:
    return Reason(
        "AccountUnknown",
        f"{account.indexer} did not say {what} (last read {account.read_at:%Y-%m-%d %H:%M} UTC); "
        "nothing is taken there until it does",
    )
