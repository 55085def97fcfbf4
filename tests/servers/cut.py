#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A TCP proxy that breaks connections: what a client sees when the line is cut in the middle of a file.

An FTP client connects to the ports that the server names on the host it knows: a proxy on 127.0.0.2 with the same port numbers
stands before a server on 127.0.0.1.

cut.py LISTEN TARGET      both host:port
prints one JSON line when it is ready, takes one JSON object a line: {"up": n}, {"down": n} (once, in one connection, after n bytes
towards or from the server), {} (no more cuts), {"refuse": true} (new connections are closed), and ends with standard input.
"""
import json
import socket
import sys
import threading


class Cut:
    """Listens at host:port (0: any), hands everything to target."""

    def __init__(self, target, host="127.0.0.1", port=0):
        self.target = target
        self.listener = socket.create_server((host, port))
        self.host, self.port = self.listener.getsockname()[:2]
        self.lock = threading.Lock()
        self.left = {"up": None, "down": None}
        self.refuse = False
        self.cuts = 0
        self.passed = {"up": 0, "down": 0}
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, up=None, down=None):
        """The connection that carries this many bytes one way from now on is cut; once."""
        with self.lock:
            self.left = {"up": up, "down": down}

    def drop(self):
        """Cuts what is open."""
        with self.lock:
            pairs = list(self.open)
        for pair in pairs:
            self.end(pair)

    def end(self, pair):
        with self.lock:
            self.open.discard(pair)
        for s in pair:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refuse:
                client.close()
                continue
            try:
                server = socket.create_connection(self.target, 30)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = (client, server)
            with self.lock:
                self.open.add(pair)
            for way, source, sink in (("up", client, server), ("down", server, client)):
                threading.Thread(target=self.carry, args=(way, pair, source, sink), daemon=True).start()

    def carry(self, way, pair, source, sink):
        try:
            while data := source.recv(16384):
                with self.lock:
                    left, broken = self.left[way], False
                    if left is not None:
                        broken = len(data) >= left
                        data = data[:left]
                        self.left[way] = None if broken else left - len(data)
                        self.cuts += broken
                    self.passed[way] += len(data)
                sink.sendall(data)
                if broken:
                    break
            else:
                sink.shutdown(socket.SHUT_WR)  # the other way may go on
                return
        except OSError:
            pass
        self.end(pair)

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        except OSError:
            pass
        self.listener.close()
        self.drop()


def main(listen, target):
    def address(text):
        host, port = text.rsplit(":", 1)
        return host, int(port)
    cut = Cut(address(target), *address(listen))
    print(json.dumps({"host": cut.host, "port": cut.port}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        cut.refuse = command.get("refuse", False)
        cut.arm(command.get("up"), command.get("down"))
        print(json.dumps({"cuts": cut.cuts, "passed": cut.passed}), flush=True)
    cut.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
