"""What the tests of one process find out once, though each has an application and databases of its
own: routes, SQL statements, versions of packages. Together they were more than half of the
processor time of `make check`."""

import importlib.metadata
from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Flask
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

_rules: dict[tuple, tuple] = {}
_builders: dict[tuple, Callable] = {}
# A test uses up to a hundred statements, all tests together about a thousand.
_statements = LRUCache(2000)


class RememberedRule(Rule):
    """A route whose pattern, and functions for `url_for`, come from an equal one of an earlier
    application."""

    def compile(self) -> None:
        """The converters are those of the earlier application: they only read and write values."""
        where = (self.rule, self.subdomain, self.host, self.merge_slashes)
        defaults = tuple(sorted((self.defaults or {}).items()))
        key = (where, defaults, self.map.host_matching, *self.map.converters.values())
        if key in _rules:
            self._parts, self._trace, self._converters = _rules[key]
            self.arguments.update(self._converters)
            self._build = self._compile_builder(False).__get__(self, None)
            self._build_unknown = self._compile_builder().__get__(self, None)
        else:
            super().compile()
            _rules[key] = (self._parts, self._trace, self._converters)

    def _compile_builder(self, append_unknown: bool = True) -> Callable:
        defaults = tuple(sorted((self.defaults or {}).items()))
        # The function reads the converters from the rule that it is bound to.
        key = (tuple(self._trace), defaults, self.rule, append_unknown)
        if key not in _builders:
            _builders[key] = super()._compile_builder(append_unknown)
        return _builders[key]


def share() -> None:
    """From now on, in this process."""
    Flask.url_rule_class = RememberedRule
    # The client of Redis looks up its own for every connection, and reads a file of 30 kB for it.
    importlib.metadata.version = cache(importlib.metadata.version)
    # SQLAlchemy keeps what it compiled by dialect, and every engine has a dialect of its own.
    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        dialect.__eq__ = _are_alike
        dialect.__hash__ = _hash_of_class
    make = Engine.__init__

    def init(engine: Engine, *args: Any, **options: Any) -> None:
        make(engine, *args, **options)
        engine._compiled_cache = _statements

    Engine.__init__ = init


def _are_alike(one: Dialect, other: object) -> bool:
    return type(one) is type(other)


def _hash_of_class(dialect: Dialect) -> int:
    return hash(type(dialect))
