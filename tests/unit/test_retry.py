"""What is tried again, how often, and how long it waits in between."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from assetsync.backends.memory.store import MemoryBackend
from assetsync.backends.refusal import AGAIN
from assetsync.backends.retry import CONNECT_ATTEMPTS, FIRST_WAIT, MAX_WAIT, MOST_ATTEMPTS, PATIENCE, Tries, holds
from assetsync.errors import (
    ChangedError,
    ChecksumError,
    DamagedError,
    DeniedError,
    ExistsError,
    NoStoreError,
    NotFoundError,
    StoreError,
    TransientError,
    UnreachableError,
    UnsupportedError,
)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited, in order."""
    waited: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waited.append))
    return waited


class _Call:
    """Raises these errors, one per call, and then returns."""

    def __init__(self, *errors: BaseException) -> None:
        self._errors = list(errors)
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


def test_success_is_returned_at_once(waits: list[float]) -> None:
    call = _Call()
    assert Tries().run(call) == "done"
    assert (call.count, waits) == (1, [])


def test_what_passes_is_tried_again(waits: list[float]) -> None:
    call = _Call(TransientError("busy"), UnreachableError("no route"), TransientError("busy"))
    assert Tries().run(call) == "done"
    assert call.count == 4
    assert len(waits) == 3


def test_a_store_that_fails_gets_half_a_minute(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    _with_jitter(monkeypatch, lambda low, high: high)
    call = _Call(*[TransientError(f"busy {number}") for number in range(1000)])
    with pytest.raises(TransientError) as caught:
        Tries().run(call)
    assert caught.value.message == f"busy {len(waits)}"
    assert PATIENCE <= sum(waits) <= PATIENCE + MAX_WAIT
    assert call.count == len(waits) + 1


def test_a_host_that_never_answered_gets_few_attempts() -> None:
    call = _Call(*[UnreachableError("no such host", hint="check the address")] * 50)
    with pytest.raises(UnreachableError) as caught:
        Tries().run(call)
    assert call.count == CONNECT_ATTEMPTS
    assert caught.value.hint == "check the address"


@pytest.mark.parametrize("answer", [None, NotFoundError("x"), TransientError("x")])
def test_a_server_that_answered_before_is_restarting(answer: StoreError | None, waits: list[float]) -> None:
    tries = Tries()
    first = _Call(*([answer] if answer else []))
    if isinstance(answer, NotFoundError):
        with pytest.raises(NotFoundError):
            tries.run(first)
    else:
        tries.run(first)
    waits.clear()
    assert tries.run(_Call(*[UnreachableError("refused")] * 8)) == "done"
    with pytest.raises(UnreachableError) as caught:
        tries.run(_Call(*[UnreachableError("refused", hint="check the network")] * 1000))
    assert caught.value.hint == AGAIN


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError("x"),
        DeniedError("x"),
        ExistsError("x"),
        ChangedError("x"),
        ChecksumError("x"),
        UnsupportedError("x"),
        StoreError("x"),
        DamagedError("x"),
        ValueError("x"),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_answers_are_never_tried_again(error: BaseException, waits: list[float]) -> None:
    call = _Call(error)
    with pytest.raises(type(error)):
        Tries().run(call)
    assert (call.count, waits) == (1, [])


def test_an_answer_after_a_stumble_ends_it() -> None:
    call = _Call(TransientError("busy"), DeniedError("no"))
    with pytest.raises(DeniedError):
        Tries().run(call)
    assert call.count == 2


def test_waits_grow_by_doubling_up_to_a_limit(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    _with_jitter(monkeypatch, lambda low, high: high)
    with pytest.raises(TransientError):
        Tries().run(_Call(*[TransientError("busy")] * 1000))
    assert waits == [min(FIRST_WAIT * 2**number, MAX_WAIT) for number in range(len(waits))]


def test_jitter_is_full(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    """From nothing up, so that clients which were refused together do not come back together."""
    _with_jitter(monkeypatch, lambda low, high: low)
    with pytest.raises(TransientError):
        Tries().run(_Call(*[TransientError("busy")] * 1000))
    assert waits == [0] * (MOST_ATTEMPTS - 1)


def test_tries_that_take_long_themselves_are_not_many(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    """A store that sends a byte now and then fails once in minutes."""
    seconds = iter(range(0, 100_000, 50))
    monkeypatch.setattr("tenacity.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    call = _Call(*[TransientError("too slow")] * 1000)
    with pytest.raises(TransientError):
        Tries().run(call)
    assert call.count <= 4


REFUSALS = [ExistsError("x"), ChangedError("x"), NotFoundError("x")]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
def test_a_refusal_after_a_lost_reply_is_looked_into(refusal: StoreError) -> None:
    assert Tries().settle(_Call(TransientError("cut"), refusal), lambda: True) is None
    with pytest.raises(type(refusal)):
        Tries().settle(_Call(TransientError("cut"), refusal), lambda: False)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
def test_a_refusal_at_first_is_an_answer(refusal: StoreError) -> None:
    def look() -> bool:
        raise AssertionError("nothing was lost")

    with pytest.raises(type(refusal)):
        Tries().settle(_Call(refusal), look)
    assert Tries().settle(_Call(), look) == "done"


@pytest.mark.parametrize("error", [NoStoreError("x"), DeniedError("x"), ChecksumError("x")])
def test_what_says_nothing_of_the_object_is_not_looked_into(error: StoreError) -> None:
    with pytest.raises(type(error)):
        Tries().settle(_Call(TransientError("cut"), error), lambda: True)


def test_what_is_there_is_compared_byte_by_byte() -> None:
    store = MemoryBackend("memory://lost-replies")
    store.create("a", b"mine")
    assert holds(store, "a", b"mine")
    assert not any(holds(store, "a", other) for other in (b"mind", b"min", b"mine!", b""))
    assert not holds(store, "b", b"")


def _with_jitter(monkeypatch: pytest.MonkeyPatch, uniform: Callable[[float, float], float]) -> None:
    monkeypatch.setattr("tenacity.wait.random", SimpleNamespace(uniform=uniform))
