"""The clocks of the pages of a talk, compared with the kernel's. Knows no transport."""

from __future__ import annotations


class PageClocks:
    """How far the clock of each page is behind the kernel's."""

    def __init__(self) -> None:
        self._offset_s: dict[str, float] = {}

    def follow(self, page: str, clock_ms: float | None, arrived_s: float) -> None:
        """Follow a message that was sent at `clock_ms` by the clock of its page, and arrived at
        `arrived_s` by the kernel's monotonic clock.
        """
        if clock_ms is not None:
            # The message that travelled fastest tells the offset best.
            offset_s = arrived_s - clock_ms / 1000
            self._offset_s[page] = min(self._offset_s.get(page, offset_s), offset_s)

    def offset_s(self, page: str) -> float | None:
        """The kernel's clock less the page's [s]; None: no message has told it."""
        return self._offset_s.get(page)

    def kernel_s(self, page: str, clock_ms: float | None) -> float | None:
        """A time of a page [ms] by the kernel's clock [s]; None where it is not known."""
        offset_s = self.offset_s(page)
        return None if clock_ms is None or offset_s is None else clock_ms / 1000 + offset_s

    def page_ms(self, page: str, kernel_s: float | None) -> float | None:
        """A time of the kernel [s] by the clock of a page [ms]; None where it is not known."""
        offset_s = self.offset_s(page)
        return None if kernel_s is None or offset_s is None else 1000 * (kernel_s - offset_s)
