"""How fast endpoints with limits are asked, by a clock of the test's own."""

import heapq
import math
from collections.abc import Callable

import pytest

from indexes.models.pace import Pace

# What a limiter says at a time: 0 to let a request pass, else seconds until it would.
Limiter = Callable[[float], float]
WORKERS = 8
LATENCY = 0.01


def spaced(rate: float) -> Limiter:
    """So many a second, each by itself."""
    free = [0.0]

    def allow(now: float) -> float:
        if now < free[0]:
            return free[0] - now
        free[0] = now + 1 / rate
        return 0.0

    return allow


def bucket(rate: float, size: float) -> Limiter:
    """So many a second, and some at once after a rest."""
    state = [size, 0.0]

    def allow(now: float) -> float:
        state[:] = [min(size, state[0] + (now - state[1]) * rate), now]
        if state[0] >= 1:
            state[0] -= 1
            return 0.0
        return (1 - state[0]) / rate

    return allow


def window(count: int, seconds: float) -> Limiter:
    """So many in each minute, say, and then none until the next."""
    used: dict[int, int] = {}

    def allow(now: float) -> float:
        current = int(now // seconds)
        if used.get(current, 0) < count:
            used[current] = used.get(current, 0) + 1
            return 0.0
        return (current + 1) * seconds - now

    return allow


def ask(
    limiter: Limiter, count: int, says: Callable[[float], float], known: float = 0.0
) -> tuple[float, int]:
    """Eight workers send `count` requests: when the last was answered, and refusals."""
    now = [0.0]
    pace = Pace(lambda: now[0], known)
    events: list[tuple[float, int, float | None]] = [
        (0.0, worker, None) for worker in range(WORKERS)
    ]
    left, refused, last = count, 0, 0.0
    while events:
        now[0], worker, sent = heapq.heappop(events)
        if sent is None:
            if left and (wait := pace.wait()):
                heapq.heappush(events, (now[0] + wait, worker, None))
            elif left:
                left -= 1
                heapq.heappush(events, (now[0] + LATENCY, worker, now[0]))
            continue
        if need := limiter(sent):
            left, refused = left + 1, refused + 1
            pace.refused(sent, says(need))
        else:
            pace.accepted()
            last = now[0]
        heapq.heappush(events, (now[0], worker, None))
    return last, refused


def in_seconds(need: float) -> float:
    """`Retry-After` as most say it."""
    return max(1, math.ceil(need))


@pytest.mark.parametrize(
    ("limiter", "count", "ideal"),
    [
        (spaced(2), 10, 9 / 2),
        (spaced(2), 12, 11 / 2),
        (spaced(2), 20, 19 / 2),
        (spaced(2), 60, 59 / 2),
        (spaced(2), 300, 299 / 2),
        (spaced(1), 60, 59),
        (spaced(0.5), 60, 59 * 2),
        (bucket(2, 10), 60, 50 / 2),
        (bucket(5, 20), 300, 280 / 5),
        (window(60, 60), 300, 240),
    ],
)
def test_a_limit_is_kept_to_within_a_fifth_with_few_refusals(
    limiter: Limiter, count: int, ideal: float
) -> None:
    seconds, refused = ask(limiter, count, in_seconds)
    assert seconds <= 1.2 * ideal
    assert refused <= WORKERS + count / 6


def test_what_an_earlier_process_found_to_be_right_is_kept_to_from_the_first_request() -> None:
    def again(limiter: Limiter, count: int) -> tuple[float, int]:
        return ask(limiter, count, in_seconds, known=0.52)

    assert again(spaced(2), 5) == (pytest.approx(4 * 0.52, abs=0.1), 0)
    # A limit that is gone is forgotten.
    seconds, refused = again(lambda _: 0.0, 300)
    assert refused == 0
    assert seconds < 300 * 0.52 / 3


def test_without_a_limit_nobody_waits() -> None:
    assert ask(lambda _: 0.0, 80, in_seconds) == (pytest.approx(80 / WORKERS * LATENCY), 0)


def test_nothing_is_sent_while_the_endpoint_wants_to_be_left_alone() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert pace.wait() == 0
    pace.refused(0.0, 20)
    assert pace.wait() == 20
    now[0] = 19.0
    assert pace.wait() == 1
    now[0] = 20.0
    assert pace.wait() == 0
