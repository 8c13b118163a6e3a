"""What keeps a right release from being taken now: disk space, and what it would cost the account."""

from __future__ import annotations

from domain.actions import Reason
from domain.case import GB, Case
from domain.releases import Release
from domain.wants import Want


def cannot_afford(release: Release, case: Case) -> Reason | None:
    floor = case.policy.budgets.free_disk_gb * GB
    if case.world.free_bytes is None:
        return Reason("DiskUnknown", "free space for downloads is unknown; `doctor` says why")
    left = case.world.free_bytes - case.pending_bytes - likely_bytes(release, case.want)
    if left < floor:
        return Reason("DiskFull", f"{left / GB:.1f} GB would be left, the policy keeps {floor / GB:.1f} GB")
    if case.policy.spending.freeleech_only and release.download_factor != 0:
        return Reason("NotFree", "the policy takes free releases only")
    return None


def likely_bytes(release: Release, want: Want) -> int:
    """Its size; one that is not said counts as the largest that the profile takes, for unknown is never zero."""
    return release.size_bytes if release.size_bytes is not None else int(want.profile.max_size_gb * GB)
