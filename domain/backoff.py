"""When something that failed is tried again: delays double up to a cap, with jitter; `Retry-After` wins."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.manifest import Retries
from domain.world import Backoff


def next_backoff(
    key: str,
    before: Mapping[str, Backoff],
    *,
    why: str,
    policy: Retries,
    now: datetime,
    jitter: random.Random,
    retry_after_s: float | None = None,
) -> Backoff:
    """The back-off after one more failure of `key`: grows up to the cap; jitter shortens it by a tenth at most."""
    failures = before[key].failures + 1 if key in before else 1
    delay_s = min(policy.backoff_cap_s, policy.backoff_first_s * 2 ** min(failures - 1, 30))
    delay_s = max(delay_s * jitter.uniform(0.9, 1.0), retry_after_s or 0.0)
    return Backoff(key=key, failures=failures, not_before=now + timedelta(seconds=delay_s), why=why)
