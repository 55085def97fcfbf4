# SPDX-License-Identifier: BSD-2-Clause
"""The private place of a demo: folders, one environment per computer, programs, daemons. Everything ends with it."""
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import time

DAEMON_START_S = 20
WAIT_S = 120


class Refused(Exception):
    """A program said no; args[0] is what it said."""


class Place:
    def __init__(self, top, staged, preload=None):
        self.top = pathlib.Path(top)
        self.preload = preload
        self.bin = next(pathlib.Path(staged).rglob("bin/pos")).parent
        self.module = next(pathlib.Path(staged).rglob("libstrongroom-pkcs11.so"))
        self.proxy = next(pathlib.Path("/usr/lib").rglob("p11-kit-proxy.so"))
        self.daemons = []
        config = self.folder("home/.config/pkcs11")
        (config / "pkcs11.conf").write_text("user-config: only\n")
        self.folder("home/.config/pkcs11/modules").joinpath("strongroom.module").write_text(f"module: {self.module}\n")

    def folder(self, name):
        path = self.top / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def computer(self, name):
        """A computer with its own token directory: the environment of the programs that run on it."""
        env = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TERM")}
        if self.preload:
            env.update(LD_PRELOAD=str(self.preload), TAP_FILE=str(self.top / "tap"))
        env["HOME"] = str(self.folder("home"))
        env["STRONGROOM_TOKEN_DIR"] = str(self.folder(f"{name}/tokens"))
        return env

    def secret_file(self, name, text):
        path = self.top / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, env, program, *args, stdin=None):
        """Runs a program to its end; Refused with its words when it fails."""
        path = self.bin / program
        done = subprocess.run([str(path) if path.exists() else program, *map(str, args)], env=env, input=stdin,
                              capture_output=True, timeout=WAIT_S)
        if done.returncode != 0:
            words = (done.stderr + done.stdout).decode(errors="replace").strip().splitlines()
            raise Refused(next((w for w in reversed(words) if w.startswith(("error:", program))), words[-1] if words else str(done.returncode)))
        return done.stdout

    def json(self, env, program, *args):
        return json.loads(self.run(env, program, *args, "--json"))

    def start(self, env, log, program, *args):
        """Starts a program that goes on; its standard output is a pipe."""
        path = self.folder("logs") / log
        process = subprocess.Popen([str(self.bin / program), *map(str, args)], env=env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=open(path, "ab"))
        process.log = path
        self.daemons.append(process)
        return process

    def daemon(self, env, program, config):
        return self.addresses(self.start(env, f"{config.stem}.log", program, "--config", config))

    def addresses(self, process):
        """The addresses of a program's ready line, by name."""
        for line in process.stdout:
            if line.startswith(b"ready "):
                return dict(word.split("=", 1) for word in line.decode().split()[2:])
        words = process.log.read_text(errors="replace").strip().splitlines()
        raise Refused(f"{process.args[0]} did not start: {words[-1] if words else 'it said nothing'}")

    def close(self):
        for process in self.daemons:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.daemons:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def until(what, check, seconds=WAIT_S):
    """Waits until check() answers something true; answers that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = check()
        if answer:
            return answer
        time.sleep(0.2)
    raise Refused(f"not in {seconds} s: {what}")


def pin():
    return "".join(secrets.choice("0123456789") for _ in range(10))


def write_config(path, top, sections):
    lines = [f"{k} = {v}" for k, v in top.items()]
    for name, keys in sections.items():
        lines += ["", f"[{name}]"] + [f"{k} = {v}" for k, v in keys.items()]
    path.write_text("\n".join(lines) + "\n")
    return path
