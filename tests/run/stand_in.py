"""Stands in for a server of ours: answers health checks, starts a child of its own, and notes who they are.

`python stand_in.py PORT PIDS [stubborn]`; a stubborn one ignores every polite request to end, and so does its child.
"""

import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def main(port: int, pids: Path, *, stubborn: bool) -> None:
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    server = HTTPServer(("127.0.0.1", port), Health)
    with pids.open("a") as file:
        file.write(f"{os.getpid()}\n{child.pid}\n")
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), stubborn=len(sys.argv) > 3)
