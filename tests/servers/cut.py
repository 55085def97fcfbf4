# SPDX-License-Identifier: BSD-2-Clause
"""A TCP proxy that breaks connections: what a client sees when the line is cut in the middle of a file.

An FTP client connects to the ports that the server names on the host it knows: a proxy on 127.0.0.2 with the same port numbers
stands before a server on 127.0.0.1. cut_records.py cuts at a message instead of a number of bytes.
"""
import socket
import threading


class Line:
    """Listens at host:port (0: any) and gives each pair (client, server) to carry() of a subclass, in a thread of its own."""

    def __init__(self, target, host="127.0.0.1", port=0):
        self.target = target
        self.lock = threading.Lock()
        self.cuts = 0
        self.open = set()
        self.listener = socket.create_server((host, port))
        self.host, self.port = self.listener.getsockname()[:2]
        threading.Thread(target=self.accept, daemon=True).start()

    def turned_away(self):
        """Is the connection that just came closed at once?"""
        return False

    def carry(self, pair):
        raise NotImplementedError

    @staticmethod
    def close(sock):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()

    def end(self, pair):
        with self.lock:
            self.open.discard(pair)
        for sock in pair:
            self.close(sock)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.turned_away():
                client.close()
                continue
            try:
                server = socket.create_connection(self.target, 30)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = (client, server)
            for sock in pair:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.open.add(pair)
            threading.Thread(target=self.carry, args=(pair,), daemon=True).start()

    def drop(self):
        """Cuts what is open."""
        with self.lock:
            pairs = list(self.open)
        for pair in pairs:
            self.end(pair)

    def stop(self):
        self.close(self.listener)  # wakes the thread that accepts
        self.drop()


class Cut(Line):
    """Hands everything on, but for what arm() says."""

    def __init__(self, target, host="127.0.0.1", port=0):
        self.left = {"up": None, "down": None}
        self.passed = {"up": 0, "down": 0}
        super().__init__(target, host, port)

    def arm(self, up=None, down=None):
        """The connection that carries this many bytes one way (up: to the server) from now on is cut; once."""
        with self.lock:
            self.left = {"up": up, "down": down}

    def carry(self, pair):
        client, server = pair
        threading.Thread(target=self.one_way, args=("down", pair, server, client), daemon=True).start()
        self.one_way("up", pair, client, server)

    def one_way(self, way, pair, source, sink):
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
