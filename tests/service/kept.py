# SPDX-License-Identifier: BSD-2-Clause
"""Tokens that are made once for all test programs of a build: each PIN of a strongroom token costs a slow derivation, and a pair
of HSMs has a dozen of them. Each program takes a copy. KEPT: a folder of the build; without it each makes its own."""
import fcntl
import hashlib
import os
import pathlib
import shutil

HERE = pathlib.Path(__file__).resolve().parent


def _version(sources):
    """Of what is made, by the module and the sources that make it."""
    digest = hashlib.sha256()
    for path in (os.environ["STRONGROOM_MODULE"], __file__, *(HERE / s for s in sources)):
        digest.update(hashlib.sha256(pathlib.Path(path).read_bytes()).digest())
    return digest.hexdigest()[:16]


def take(name, sources, make, target):
    """Puts into the folder target what make(folder) makes; who comes first makes it, the others wait and copy."""
    if "KEPT" not in os.environ:
        make(target)
        return
    room = pathlib.Path(os.environ["KEPT"])
    room.mkdir(mode=0o700, exist_ok=True)
    place = room / f"{name}-{_version(sources)}"
    with open(room / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            for old in room.glob(f"{name}-*"):
                shutil.rmtree(old)
            part = room / f"{name}-part"
            part.mkdir(mode=0o700)
            make(part)
            part.rename(place)
        shutil.copytree(place, target, dirs_exist_ok=True)
