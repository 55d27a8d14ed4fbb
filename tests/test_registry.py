"""A registry: what users add to by name."""

import builtins
import threading

import pytest

from indexes.errors import SettingsError
from indexes.registry import Registry


def shapes() -> Registry[int]:
    return Registry("shape", {"circle": 0, "triangle": 3})


def test_ours_come_first_then_those_added() -> None:
    registry = shapes()
    registry.register("square", 4)
    assert list(registry) == ["circle", "triangle", "square"]
    assert registry.find("square") == registry["square"] == 4


def test_a_name_that_is_taken_is_refused_unless_it_is_replaced() -> None:
    registry = shapes()
    with pytest.raises(SettingsError, match=r"'circle' is there already.*replace=True"):
        registry.register("circle", 1)
    registry.register("circle", 1, replace=True)
    assert registry["circle"] == 1


def test_a_cell_of_a_notebook_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    registry = shapes()
    registry.register("square", 4)
    registry.register("square", 5)
    assert registry["square"] == 5
    with pytest.raises(SettingsError, match="'circle' is there already"):
        registry.register("circle", 1)


def test_unregistering_brings_back_what_was_ours() -> None:
    registry = shapes()
    registry.register("circle", 1, replace=True)
    registry.unregister("circle")
    assert registry["circle"] == 0


def test_ours_cannot_be_unregistered() -> None:
    with pytest.raises(SettingsError, match="no shape was registered as 'circle'"):
        shapes().unregister("circle")


def test_what_was_never_registered_cannot_be_unregistered() -> None:
    with pytest.raises(SettingsError, match="no shape was registered as 'square'"):
        shapes().unregister("square")


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"no shape is called 'blob': choose one of circle, "):
        shapes().find("blob")


def test_a_slip_of_the_pen_is_recognised() -> None:
    with pytest.raises(SettingsError, match=r"did you mean circle\?"):
        shapes().find("cirle")


@pytest.mark.parametrize("name", ["", " ", "a b", "a+b", "a@b", "-a", "é", "a" * 65, "a\n", None])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="can't name a shape: use letters"):
        shapes().register(name, 1)


def test_a_huge_name_makes_a_short_message() -> None:
    with pytest.raises(SettingsError) as error:
        shapes().find("x" * 1_000_000)
    assert len(str(error.value)) < 200


def test_reading_is_not_disturbed_by_registering() -> None:
    registry = shapes()
    seen = []
    for name in registry:
        registry.register(f"{name}-2", 1)
        seen.append(name)
    assert seen == ["circle", "triangle"]


def test_threads_lose_nothing() -> None:
    registry = shapes()

    def add(thread: int) -> None:
        for number in range(100):
            registry.register(f"{thread}-{number}", number)

    threads = [threading.Thread(target=add, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry) == 802
