"""Rate control: an endpoint is asked as fast as it answers, and slower once it refuses.

All that ask one endpoint share a `Pace`. A refusal for being too many closes the endpoint for
as long as it said; then requests go one by one, at the distance that its refusals and answers
have shown to be right: above the shortest that was refused, and towards it as long as all goes
well. So many threads together go at the endpoint's pace, instead of each waiting by itself and
all coming back at once.
"""

import threading
import time
from collections.abc import Callable

# A first guess between a distance of nothing, which was refused, and that of the pause.
_FIRST_SHARE = 0.54
# How far behind the first guess the second is.
_STEP = 1.25
# How far behind a refused distance the next is tried, at least, and how near to it one goes.
_BEHIND = 1.1
_NEAR = 1.1
# As far as a shorter distance is looked for where nothing is known; the middle is tried.
_SHORTER = 0.49
# Answers in a row before the distance is shortened.
_STREAK = 4
# From so many on, what is refused is not the distance but the sum of a minute or so.
_MANY = 5
# A shorter distance is tried when the pause that it may cost is a small part of the time.
_PAUSES = 10
# Limits change: a refused distance is tried again then.
_FORGET_SECONDS = 120.0


class Pace:
    """When the next request may go. Thread-safe; who waits is the caller's affair.

        while wait := pace.wait():
            time.sleep(wait)
        # the turn is taken: send now

    Args:
        clock: seconds that only grow
        known: seconds between requests that an earlier process found to be right
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, known: float = 0.0) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._distance = known
        self._closed_until = 0.0
        self._last = float("-inf")
        self._refused_at = float("-inf")
        self._floor = 0.0
        self._floor_until = 0.0
        self._ceiling = known or float("inf")
        self._shorten_from = clock() + _PAUSES if known else 0.0
        self._begun = clock()
        self._accepted = 0
        self._streak = 0
        # Whether a shorter distance was tried; whether what was refused first was a sum.
        self._tried = self._sums = self._stepped = False
        self._last_accepted = float("-inf")

    @property
    def last_accepted(self) -> float:
        """When a request was last answered, by `now`."""
        return self._last_accepted

    @property
    def settled(self) -> float:
        """Seconds between requests that were right for some time; 0 while that isn't known."""
        with self._lock:
            return self._ceiling if self._distance and self._streak >= _STREAK else 0.0

    def now(self) -> float:
        """The time, by this pace's clock: when a request is sent."""
        return self._clock()

    def wait(self) -> float:
        """Seconds until it is worth asking again; 0 when the turn is taken."""
        with self._lock:
            now = self._clock()
            wait = max(self._closed_until, self._last + self._distance) - now
            if wait > 0:
                return wait
            self._last = now
            return 0.0

    def accepted(self) -> None:
        """A request was answered."""
        with self._lock:
            now = self._clock()
            self._accepted += 1
            self._streak += 1
            self._last_accepted = now
            if not self._distance or self._streak < _STREAK:
                return
            self._ceiling = min(self._ceiling, self._distance) if self._tried else self._distance
            if now < self._shorten_from:
                return
            self._tried = True
            self._streak = 0
            if now > self._floor_until:
                self._floor *= 0.5
                self._floor_until = now + _FORGET_SECONDS
            if self._floor * _NEAR < self._distance:
                shortest = max(self._floor, _SHORTER * self._distance)
                middle = (shortest * self._distance) ** 0.5
                self._distance = max(self._floor * _NEAR, middle)

    def refused(self, sent: float, seconds: float) -> None:
        """A request was one too many.

        Args:
            sent: when it was sent, by `now`
            seconds: how long the endpoint wants to be left alone
        """
        with self._lock:
            now = self._clock()
            self._closed_until = max(self._closed_until, now + seconds)
            if sent <= self._refused_at:
                return  # It was on its way when the endpoint said so.
            self._refused_at = now
            span = self._closed_until - self._begun
            if self._accepted < _MANY or self._tried:
                self._shorten_from = self._closed_until + _PAUSES * seconds
            self._slow_down(span / max(self._accepted, 1), seconds)
            self._begun, self._accepted, self._streak = self._closed_until, 0, 0

    def _slow_down(self, sustained: float, seconds: float) -> None:
        """Lengthen the distance.

        Args:
            sustained: seconds for each answer since the last refusal, the pause included
            seconds: the pause
        """
        if not self._distance:
            many = self._sums = self._accepted >= _MANY
            self._distance = sustained if many else _FIRST_SHARE * max(seconds, 0.01)
            self._ceiling = max(sustained, seconds)
            return
        self._floor = self._distance
        self._floor_until = self._clock() + _FORGET_SECONDS
        known = self._tried or not self._sums
        if known and self._accepted and self._floor * _BEHIND < self._ceiling:
            if self._tried or self._stepped:
                # Back to what was taken; the next try is nearer to it, and later.
                self._distance = self._ceiling
            else:
                # The first guess may have been missed by a little, on a busy machine.
                self._stepped = True
                self._distance = min(self._ceiling, _STEP * self._floor)
            return
        # Where the pause itself was too short, the known ceiling is none.
        self._ceiling = max(self._ceiling, _BEHIND * self._floor)
        if not self._accepted:
            self._ceiling = max(self._ceiling, 2 * self._floor)
        behind = self._floor + 0.35 * (self._ceiling - self._floor)
        self._distance = max(_BEHIND * self._floor, behind)
