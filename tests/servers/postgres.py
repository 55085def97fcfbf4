#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A private PostgreSQL for a test: its own cluster, TLS with a certificate of the test's own, passwords by SCRAM, durable commits.

As a program it prints one JSON line when it is ready and stops when its standard input closes; see serve()."""
import glob
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import certificates  # noqa: E402
import process  # noqa: E402

USER = "strongroom"


def programs():
    """The folder of initdb and postgres: Debian keeps them out of PATH."""
    for folder in sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: float(p.split("/")[4]), reverse=True):
        if os.path.exists(folder + "/initdb"):
            return folder
    found = shutil.which("initdb")
    if not found:
        raise AssertionError("PostgreSQL is not installed (Debian: postgresql)")
    return os.path.dirname(os.path.realpath(found))


class Postgres(process.Process):
    """start(), then url(database) for a database of its own each; restart(), halt(), stop()."""

    def __init__(self, **settings):
        super().__init__()
        self.bin = programs()
        self.port = process.free_port()
        self.data = self.folder / "data"
        self.password = secrets.token_urlsafe(18)
        self.settings = settings
        self.passfile = self.private("pass", f"*:*:*:{USER}:{self.password}\n")

    def private(self, name, text):
        """A file of the caller's own: mode 0600, because libpq looks at that."""
        path = self.folder / name
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as out:
            out.write(text)
        return path

    def certificates(self):
        """A CA, the server's certificate for 127.0.0.1 and localhost, and another CA that signed nothing here."""
        certificates.make(self.folder)
        for name in ("server.key", "server.pem"):
            os.chmod(self.folder / name, 0o600)
            self.give(self.folder / name)
        for name in ("ca.pem", "other.pem"):
            os.chmod(self.folder / name, 0o644)

    def start(self):
        self.certificates()
        password = self.private("new", self.password + "\n")
        self.give(password)
        self.run([self.bin + "/initdb", "--pgdata", self.data, "--username", USER, "--auth", "scram-sha-256", "--pwfile", password,
                  "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"])
        password.unlink()
        # Never without TLS, but on the socket of the folder (others=) where the certificate says nothing.
        self.write("pg_hba.conf", "local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        lines = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder, "ssl": "on",
                 "ssl_cert_file": self.folder / "server.pem", "ssl_key_file": self.folder / "server.key", "fsync": "on",
                 "full_page_writes": "on", "synchronous_commit": "on", "max_connections": 60, "shared_buffers": "16MB",
                 "logging_collector": "off", "log_min_messages": "warning", "deadlock_timeout": "100ms",
                 "dynamic_shared_memory_type": "mmap", "max_wal_size": "128MB", "jit": "off"}
        lines.update(self.settings)
        self.write("postgresql.conf", "".join(f"{k} = '{v}'\n" for k, v in lines.items()))
        self.again()
        return self

    def write(self, name, text):
        path = self.data / name
        path.write_text(text)
        os.chmod(path, 0o600)
        self.give(path)

    def again(self):
        """Starts what halt() ended."""
        self.launch([self.bin + "/postgres", "-D", self.data], self.port)
        for _ in range(600):
            done = self.psql_try("postgres", "SELECT 1")
            if done.returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError("PostgreSQL does not become ready: " + done.stderr)

    def halt(self, number=2):
        """SIGINT is PostgreSQL's fast shutdown: it throws its clients out."""
        super().halt(number)

    def stop(self):
        """For good: nobody needs its last checkpoint."""
        self.halt(signal.SIGQUIT)
        super().stop()

    def signal_all(self, number):
        """To the server and all of its processes."""
        parents = {}
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(stat, encoding="ascii", errors="replace") as file:
                    words = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(stat.split("/")[2])] = int(words[1])
        for pid in [self.process.pid, *(p for p, parent in parents.items() if parent == self.process.pid)]:
            os.kill(pid, number)

    def url(self, database, port=None, **options):
        """verify-full; options replace or (None) drop what stands in it."""
        all_options = {"sslmode": "verify-full", "sslrootcert": self.folder / "ca.pem", "passfile": self.passfile}
        all_options.update(options)
        tail = "&".join(f"{k}={v}" for k, v in all_options.items() if v is not None)
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{database}?{tail}"

    def environment(self):
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "PGPASSFILE": str(self.passfile), "LC_ALL": "C.UTF-8",
               "PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.folder / "ca.pem"), "HOME": str(self.folder)}

    def client(self, database):
        return [self.bin + "/psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", database]

    def psql_try(self, database, sql):
        return subprocess.run([*self.client(database), "-v", "ON_ERROR_STOP=1", "-c", sql], capture_output=True, text=True,
                              timeout=process.WAIT, env=self.environment(), stdin=subprocess.DEVNULL)

    def psql(self, database, sql):
        """The rows as text, columns parted by |."""
        done = self.psql_try(database, sql)
        if done.returncode:
            raise AssertionError(f"psql: {sql}: {done.stderr}")
        return done.stdout

    def fresh(self, database):
        """Empties a database, or creates it: cheaper than another one."""
        if self.psql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{database}'"):
            self.psql("postgres", f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{database}'")
            self.psql(database, "SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            return self.url(database)
        return self.create(database)

    def create(self, database):
        self.psql("postgres", f"CREATE DATABASE {database}")
        return self.url(database)


class Session:
    """One psql that stays connected: a test that looks again and again would spend its time on logins."""

    def __init__(self, server, database):
        self.process = subprocess.Popen(server.client(database), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, env=server.environment())

    def ask(self, sql):
        """The rows as text; None: the connection is gone."""
        try:
            self.process.stdin.write(sql + "\n;\n\\echo :ERROR end-of-answer :LAST_ERROR_MESSAGE\n")
            self.process.stdin.flush()
        except OSError:
            return None
        lines = []
        for line in self.process.stdout:
            if " end-of-answer " not in line:
                lines.append(line)
                continue
            if line.startswith("true"):
                raise AssertionError(f"psql: {sql}: {line.split(' ', 2)[2]}")
            return "".join(lines)
        return None

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def portable(sql):
    """What a test writes for SQLite."""
    return re.sub(r"\bx'([0-9a-fA-F]*)'", r"'\\x\1'::bytea", sql).replace(" AS BLOB)", " AS BYTEA)")


def answer(server, words, extra):
    """One command of serve()."""
    if words[0] == "create":
        return {"url": server.create(words[1])}
    if words[0] == "fresh":
        return {"url": server.fresh(words[1])}
    if words[0] == "halt":
        server.halt()
    elif words[0] == "kill":
        server.halt(3)
    elif words[0] in ("freeze", "thaw"):
        server.signal_all(signal.SIGSTOP if words[0] == "freeze" else signal.SIGCONT)
    elif words[0] == "again":
        server.again()
    elif words[0] == "sql":
        return {"out": server.psql(words[1], portable(" ".join(words[2:])))}
    elif words[0] in extra:
        return extra[words[0]](words[1:])
    else:
        return {"error": f"unknown command {words[0]}"}
    return {}


def serve():
    """postgres.py [--proxy] [NAME=VALUE...]: settings of the server. Commands on standard input, one a line, one JSON line as the
    answer: create DATABASE, fresh DATABASE, halt, kill (immediate shutdown), freeze, thaw, again, sql DATABASE STATEMENT; with --proxy also
    those of cut_records.py."""
    words = [w for w in sys.argv[1:] if "=" in w]
    server = Postgres(**dict(w.split("=", 1) for w in words))
    line = None
    try:
        server.start()
        ready = {"port": server.port, "folder": str(server.folder), "passfile": str(server.passfile), "user": USER,
                 "ca": str(server.folder / "ca.pem"), "other_ca": str(server.folder / "other.pem"), "pid": server.process.pid}
        extra = {}
        if "--proxy" in sys.argv:
            from cut_records import CutRecords
            line = CutRecords(server.port)
            line.freeze = lambda: server.signal_all(signal.SIGSTOP)
            ready["proxy"] = line.port
            extra = line.commands()
        print(json.dumps(ready), flush=True)
        for command in sys.stdin:
            if command.split():
                try:
                    out = answer(server, command.split(), extra)
                except Exception as error:  # the answer tells; the test decides
                    out = {"error": str(error)}
                print(json.dumps(out), flush=True)
    finally:
        if line:
            line.stop()
        server.stop()


if __name__ == "__main__":
    serve()
