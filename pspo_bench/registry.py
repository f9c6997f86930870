"""Names to callables: built in by decorator, third-party by entry point, anything by `module:attr`.

objectives = Registry("objective", group="pspo_bench.objectives")

@objectives.register("clip")
def clip(...): ...

objectives.get("clip"); objectives.get("my_package.losses:soft_clip")
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from pspo_bench.errors import ConfigError, unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """A named collection of callables of one kind.

    `group` is the entry-point group in which other packages announce theirs;
    `home` is a module whose import registers the built-in ones.
    """

    def __init__(self, kind: str, *, group: str, home: str | None = None) -> None:
        self.kind = kind
        self.group = group
        self._home = home
        self._items: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files a callable under `name`; a name can be taken only once."""

        def add(item: T) -> T:
            if name in self._items:
                raise ConfigError(f"{self.kind} '{name}' is registered twice")
            self._items[name] = item
            return item

        return add

    def get(self, name: str, where: str | None = None) -> T:
        """The callable called `name`. Raises ConfigError naming the known ones if there is none."""
        self._load_home()
        if name in self._items:
            return self._items[name]
        if ":" in name:
            return self._import(name, where)
        for entry in self._entry_points():
            if entry.name == name:
                return self._import(entry.value, where)
        raise ConfigError(unknown(self.kind, name, self, where))

    def __iter__(self) -> Iterator[str]:
        self._load_home()
        return iter(sorted({*self._items, *(entry.name for entry in self._entry_points())}))

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def _load_home(self) -> None:
        if self._home:
            importlib.import_module(self._home)

    def _entry_points(self) -> list[Any]:
        from importlib.metadata import entry_points

        return list(entry_points(group=self.group))

    def _import(self, path: str, where: str | None) -> T:
        module, _, attribute = path.partition(":")
        try:
            found: T = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            place = f" in {where}" if where else ""
            raise ConfigError(f"Cannot import {self.kind} '{path}'{place}: {error}") from error
        return found
