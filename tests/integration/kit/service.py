"""A ticket tracker and workflow engine for recordings: service.py PORT_FILE TOKEN

Listens on a free port of 127.0.0.1 and writes its number to PORT_FILE. It is as careless with the token as a real one may be:
what it got, plain and in base64, comes back in headers and bodies, with a session of its own.
"""
import base64
import http.server
import json
import os
import sys

TOKEN = sys.argv[2]
SESSION = "session-" + TOKEN[::-1]


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", f"sid={SESSION}; Path=/; HttpOnly")
        self.send_header("X-Echo", TOKEN)
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(length) or "{}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"detail": "who are you"})
        address = f"http://{self.headers['Host']}"
        if self.command == "POST" and self.path == "/tickets":
            return self.answer(201, {"key": "T-1", "url": f"{address}/T-1", "echo": TOKEN, "access_token": SESSION,
                                     "trace": base64.b64encode(TOKEN.encode()).decode(), "again": f"see {SESSION}", "title": sent["title"]})
        if self.path.partition("?")[0] == "/runs":
            return self.answer(201 if self.command == "POST" else 200,
                               {"status": "Running", "instance_id": "77", "weblink": f"{address}/runs/77"})
        return self.answer(404, {"detail": "there is nothing"})

    do_GET = do_POST = do_PUT = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
with open(sys.argv[1] + ".new", "w", encoding="ascii") as file:
    file.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
