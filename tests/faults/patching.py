"""
Changes to modules of the product as they are loaded, in the processes of a fault run alone.

A process gets them through its environment: Python imports `sitecustomize` (site/) at its start, also
in a forked or spawned child. The product has no switch for any of them.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys


class Patches(importlib.abc.MetaPathFinder):
    """changes: functions of a module that was just loaded, by the module's name, in their order."""

    def __init__(self, changes):
        self._changes = changes

    def install(self):
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path, target=None):
        if name not in self._changes:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Changing(spec.loader, self._changes[name])
        return spec


class _Changing(importlib.abc.Loader):
    def __init__(self, loader, changes):
        self._loader, self._changes = loader, changes

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        for change in self._changes:
            change(module)

    def __getattr__(self, name):  # what runpy and inspect ask a loader for
        return getattr(self._loader, name)


def place_of(module, dotted):
    """The object that holds an attribute, and the attribute's own name; AttributeError where there is none."""
    *parts, name = dotted.split(".")
    holder = module
    for part in parts:
        holder = getattr(holder, part)
    getattr(holder, name)
    return holder, name


def replaced(dotted, made):
    """A change: `made(original)` in place of the attribute."""

    def change(module):
        holder, name = place_of(module, dotted)
        setattr(holder, name, made(getattr(holder, name)))

    return change


def constant(dotted, value):
    """A change: another value."""
    return replaced(dotted, lambda _: value)


def rewritten(dotted, old, new):
    """A change of a text, SQL mostly; an error where the text does not hold `old`: the product has moved on."""

    def made(text):
        assert old in text, f"{dotted} does not hold {old!r}"
        return text.replace(old, new)

    return replaced(dotted, made)
