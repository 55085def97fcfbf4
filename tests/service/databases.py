# SPDX-License-Identifier: BSD-2-Clause
"""Where a test's databases are: in files (SQLite), or with TEST_POSTGRES in the environment in a PostgreSQL of the test's own.
A place is what stands behind `database =` in a configuration: a path, or a URL."""
import atexit
import itertools
import json
import os
import pathlib
import shutil
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))

WAIT = 10
POSTGRES = bool(os.environ.get("TEST_POSTGRES"))
Error = (sqlite3.OperationalError, AssertionError)  # of query and change: no such table yet
_numbers = itertools.count()
_servers = []
_sessions = {}


def _server():
    if not _servers:
        import postgres
        _servers.append(postgres.Postgres().start())
        atexit.register(_stop)
    return _servers[0]


def _stop():
    for session in _sessions.values():
        session.close()
    _servers[0].stop()


def _ask(place, sql):
    """By the session of this database; a new one when it was ended by somebody."""
    import postgres
    name, server = _name(place), _server()
    for _ in range(3):
        if name not in _sessions:
            _sessions[name] = postgres.Session(server, name)
        text = _sessions[name].ask(postgres.portable(sql))
        if text is not None:
            return text
        _sessions.pop(name).close()
    raise AssertionError(f"no session with {name}")


def _on_server(place):
    return str(place).startswith("postgresql://")


def _name(place):
    return str(place).split("?")[0].rsplit("/", 1)[1]


def new(path):
    """A place for a database that is not there yet."""
    return _server().create(f"t{next(_numbers)}") if POSTGRES else path


def copy(template, path):
    """A place with what the template's has; nobody may have that open."""
    if not POSTGRES:
        shutil.copy(template, path)
        return path
    server, name = _server(), f"t{next(_numbers)}"
    server.psql("postgres", f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{_name(template)}'")
    server.psql("postgres", f"CREATE DATABASE {name} TEMPLATE {_name(template)}")
    return server.url(name)


def forget(place):
    """Empty again."""
    if _on_server(place):
        _server().fresh(_name(place))
    else:
        pathlib.Path(place).unlink()


def _literal(value):
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'::bytea"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else str(value)


def _filled(sql, parameters):
    parts = sql.split("?")
    assert len(parts) == len(parameters) + 1, sql
    return parts[0] + "".join(_literal(p) + part for p, part in zip(parameters, parts[1:]))


def _value(value):
    return bytes.fromhex(value[2:]) if isinstance(value, str) and value.startswith("\\x") else value


def query(place, sql, *parameters):
    """Rows of a service's database, read beside the running service."""
    if _on_server(place):
        text = _ask(place, f"SELECT coalesce(json_agg(q), '[]') FROM ({_filled(sql, parameters)}) q")
        # Two columns may have the same name.
        return [tuple(_value(v) for _, v in row) for row in json.loads(text, object_pairs_hook=list)]
    connection = sqlite3.connect(f"file:{place}?mode=ro", uri=True, timeout=WAIT)
    try:
        return connection.execute(sql, parameters).fetchall()
    finally:
        connection.close()


def change(place, sql, *parameters):
    """Does to the tables what no service would."""
    if _on_server(place):
        _ask(place, _filled(sql, parameters))
        return
    connection = sqlite3.connect(place, timeout=WAIT)
    try:
        with connection:
            connection.execute(sql, parameters)
    finally:
        connection.close()
