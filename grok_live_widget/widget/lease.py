"""Which page captures and plays: of many, one."""

from __future__ import annotations

__all__ = ["Lease"]


class Lease:
    """The pages that show a talk, and the one that owns its sound.

    Attributes
    ----------
    owner : str
        The owning page, empty for none.
    """

    def __init__(self) -> None:
        self.owner = ""
        self._seen_s: dict[str, float] = {}
        self._candidate = ""
        self._ping_id = 0

    @property
    def has_pages(self) -> bool:
        """Whether any page is known."""
        return bool(self._seen_s)

    def see(self, page: str, now_s: float) -> None:
        """A page has said something."""
        self._seen_s[page] = now_s

    def owner_unseen_s(self, now_s: float) -> float:
        """How long the owner has said nothing [s]; infinite without an owner."""
        return now_s - self._seen_s.get(self.owner, float("-inf"))

    def arrive(self, page: str, now_s: float) -> int | None:
        """A page says hello. Returns the id of a ping for the owner, if it must be asked."""
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
        """Time for the answer is over; True when the newcomer is owner now."""
        if ping_id != self._ping_id or not self._candidate:
            return False
        self._seen_s.pop(self.owner, None)
        self.owner, self._candidate = self._candidate, ""
        return True

    def take(self, page: str, now_s: float) -> bool:
        """A page wants the lease; True when it was another's."""
        self.see(page, now_s)
        changed, self.owner, self._candidate = self.owner != page, page, ""
        return changed

    def leave(self, page: str) -> bool:
        """A page is gone; True when it was the owner. The newest other page follows."""
        self._seen_s.pop(page, None)
        # Whoever waited for the owner's answer is gone, or may be owner now without it.
        if page in (self.owner, self._candidate):
            self._candidate = ""
        if page != self.owner:
            return False
        self.owner = max(self._seen_s, key=self._seen_s.__getitem__, default="")
        return True
