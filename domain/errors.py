"""Why something could not be done, in the terms the reconciler acts on.

`Transient`: nothing happened, try later. `Ambiguous`: sent, and no answer heard; look before anything else.
`Conflict`: someone else changed it, or the lease moved on; observe and plan again. `Permanent`: only a person can help.
Anything else that is raised is a bug.
"""

from __future__ import annotations


class Failure(Exception):
    """A failure with a stable CamelCase `code` for programs and one sentence for people. Never holds a secret."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).__name__


class Transient(Failure):
    """Nothing happened; try again after `retry_after_s` seconds, or after the usual back-off when it is None."""

    def __init__(self, message: str, *, code: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Ambiguous(Failure):
    """It was sent and no answer came: observe before anything else, never repeat blindly."""


class Conflict(Failure):
    """Someone else changed it, or our lease moved on: observe and plan again."""


class Permanent(Failure):
    """Only a person can help: what, where and what to do are in the message."""


class Unfit(Permanent):
    """This one thing (a torrent, a release) will never do, whoever asks for it: another one may."""
