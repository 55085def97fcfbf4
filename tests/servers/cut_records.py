# SPDX-License-Identifier: BSD-2-Clause
"""A TCP proxy in front of a PostgreSQL server that cuts a connection at an exact moment.

It counts the TLS records that the client sends once a cut is armed: libpq sends one for each call that waits for an answer.
  before  the counted record is not passed on; both sides are closed: the server never saw it
  after   it is passed on; when the server has answered, the answer is dropped and both sides are closed: it was done
  silent  it is not passed on; only the client's side is closed: the server goes on waiting, its transaction open
  deaf    it is not passed on, nor is anything after it; nothing is closed
  mute    it is passed on, and it was done; no answer comes any more, and nothing is closed
  freeze  the server is frozen, then it is passed on"""
import select

from cut import Line

APPLICATION_DATA = 0x17


class Records:
    """TLS records in a stream; start: bytes before the first one."""

    def __init__(self, start):
        self.start = start
        self.buffer = b""

    def feed(self, data):
        """[(is application data, bytes)] of all that is complete."""
        self.buffer += data
        out = []
        if self.start:
            n = min(self.start, len(self.buffer))
            out.append((False, self.buffer[:n]))
            self.buffer, self.start = self.buffer[n:], self.start - n
        while len(self.buffer) >= 5:
            size = 5 + int.from_bytes(self.buffer[3:5], "big")
            if len(self.buffer) < size:
                break
            out.append((self.buffer[0] == APPLICATION_DATA, self.buffer[:size]))
            self.buffer = self.buffer[size:]
        return out


class CutRecords(Line):
    """commands(): what a test program may ask for."""

    def __init__(self, port):
        self.queue = []   # [count, mode] of the cuts to come, the first one counts
        self.refusals = 0
        self.held = []    # server sides that were left open
        self.freeze = None  # what freezes the server
        super().__init__(("127.0.0.1", port))

    def turned_away(self):
        with self.lock:
            refused = self.refusals > 0
            self.refusals -= refused
        return refused

    def due(self):
        """The mode, if this record of a client is the one to cut at."""
        with self.lock:
            if not self.queue:
                return None
            self.queue[0][0] -= 1
            if self.queue[0][0]:
                return None
            self.cuts += 1
            return self.queue.pop(0)[1]

    def carry(self, pair):
        silent = False
        try:
            silent = self.until_cut(*pair)
        except (OSError, ValueError):  # ValueError: drop() closed it meanwhile
            pass
        if silent:
            with self.lock:
                self.open.discard(pair)
                self.held.append(pair[1])
            self.close(pair[0])
        else:
            self.end(pair)

    def until_cut(self, client, upstream):
        """Returns when the connection is over; true: the server is not to know."""
        from_client, from_server = Records(8), Records(1)
        swallow, hold = False, None
        while True:
            for sock in select.select([client, upstream], [], [])[0]:
                data = sock.recv(65536)
                if not data:
                    return False
                if hold:
                    continue
                if sock is upstream:
                    done = any(application for application, _ in from_server.feed(data))
                    if swallow and done:
                        return False
                    if not swallow:
                        client.sendall(data)
                    continue
                for application, record in from_client.feed(data):
                    mode = self.due() if application else None
                    if mode in ("silent", "before"):
                        return mode == "silent"
                    swallow = swallow or mode == "after"
                    hold = hold or (mode if mode in ("deaf", "mute") else None)
                    if mode == "freeze":
                        self.freeze()
                    if hold != "deaf":
                        upstream.sendall(record)

    def arm(self, words):
        """COUNT MODE [COUNT MODE...]: the next cut counts from the cut before it."""
        with self.lock:
            self.queue = [[int(words[i]), words[i + 1]] for i in range(0, len(words) - 1, 2)]
            self.cuts = 0
        return {}

    def disarm(self, words):
        with self.lock:
            left, self.queue = len(self.queue), []
            return {"cuts": self.cuts, "left": left}

    def seen(self, words):
        with self.lock:
            return {"cuts": self.cuts}

    def cut(self, words):
        """All connections, now."""
        self.drop()
        return {}

    def refuse(self, words):
        """The next N connections are closed at once."""
        with self.lock:
            self.refusals = int(words[0])
        return {}

    def commands(self):
        return {"arm": self.arm, "disarm": self.disarm, "cuts": self.seen, "cut": self.cut, "refuse": self.refuse}

    def stop(self):
        super().stop()
        for sock in self.held:
            self.close(sock)
