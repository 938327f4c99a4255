"""Which one of the pages captures and plays."""

from __future__ import annotations


class Lease:
    """The pages that show a talk, and the one that owns its sound.

    Attributes
    ----------
    owner : str
        The owning page, empty for none.
    """

    def __init__(self) -> None:
        self.owner = ""
        # When each page last sent a message.
        self._seen_s: dict[str, float] = {}
        # The page that becomes owner if the ping of this id is not answered.
        self._candidate = ""
        self._ping_id = 0

    def see(self, page: str, now_s: float) -> None:
        """A page has sent a message."""
        self._seen_s[page] = now_s

    def owner_unseen_s(self, now_s: float) -> float:
        """How long the owner has sent nothing [s]; infinite without an owner."""
        return now_s - self._seen_s.get(self.owner, float("-inf"))

    def arrive(self, page: str, now_s: float) -> int | None:
        """A page says hello.

        Returns
        -------
        int or None
            The id of a ping to be sent to the owner, if there is another owner.
        """
        self.see(page, now_s)
        if not self.owner:
            self.owner = page
        if self.owner == page:
            return None
        self._candidate = page
        self._ping_id += 1
        return self._ping_id

    def answer(self, page: str, ping_id: int) -> None:
        """A page answers a ping; the owner's answer keeps the lease."""
        if page == self.owner and ping_id == self._ping_id:
            self._candidate = ""

    def expire(self, ping_id: int) -> bool:
        """The time for an answer is over; True if the new page has become owner."""
        if ping_id != self._ping_id or not self._candidate:
            return False
        self._seen_s.pop(self.owner, None)
        self.owner, self._candidate = self._candidate, ""
        return True

    def take(self, page: str, now_s: float) -> bool:
        """Make a page the owner; True if another was."""
        self.see(page, now_s)
        has_changed = self.owner != page
        self.owner, self._candidate = page, ""
        return has_changed

    def leave(self, page: str) -> bool:
        """A page is gone; True if it was the owner. The page seen last becomes owner."""
        self._seen_s.pop(page, None)
        # Either the candidate is gone, or the owner is, and no answer is awaited any more.
        if page in (self.owner, self._candidate):
            self._candidate = ""
        if page != self.owner:
            return False
        self.owner = max(self._seen_s, key=self._seen_s.__getitem__, default="")
        return True
