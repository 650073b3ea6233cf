"""PagerDuty's REST API, version 2, as far as the plugin goes (developer.pagerduty.com/api-reference): a schedule with turns, a policy
with two levels, one without a schedule, incidents that are one for each key. Refuses what the real one refuses."""
import datetime
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KEY = "the-key-of-pagerduty"


def at(days):
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    return (now + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


class PagerDuty:
    def __init__(self):
        self.users = {name: {"id": f"P{name.upper()}", "type": "user", "name": name.title(), "email": f"{name}@example.com"} for name in ("grace", "ada", "alan", "bot")}
        self.turns = [("grace", -3, 4), ("ada", 4, 11), ("grace", 11, 18)]  # days from now
        self.incidents, self.requests, self.refuse = [], [], None
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                owner.answer(self, None)

            def do_POST(self):
                owner.answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request, body):
        parts = urlsplit(request.path)
        query = parse_qs(parts.query)
        self.requests.append((request.command, request.path, body))
        status, content, headers = self.decide(request, parts.path, query, body)
        text = json.dumps(content).encode()
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(text)

    @staticmethod
    def error(status, message, *errors, code=2001, **headers):
        return status, {"error": {"message": message, "code": code, "errors": list(errors)}}, headers

    def decide(self, request, path, query, body):
        if request.headers["Authorization"] != f"Token token={KEY}":
            return self.error(401, "Unauthorized", code=2006)
        if self.refuse:
            return self.refuse
        if (request.command, path) == ("GET", "/services/PSVC"):
            return 200, {"service": {"id": "PSVC", "name": "Checkout", "escalation_policy": {"id": "PPOL", "type": "escalation_policy_reference"}}}, {}
        if (request.command, path) == ("GET", "/services/PSVD"):
            return 200, {"service": {"id": "PSVD", "name": "Search", "escalation_policy": {"id": "PNOS", "type": "escalation_policy_reference"}}}, {}
        if (request.command, path) == ("GET", "/users"):
            found = [user for user in self.users.values() if query["query"][0].lower() in (user["email"], user["name"].lower())]
            return 200, {"users": found, "limit": 25, "offset": 0, "more": False}, {}
        if (request.command, path) == ("GET", "/oncalls"):
            return self.oncalls(query)
        if (request.command, path) == ("GET", "/incidents"):
            return 200, {"incidents": [one for one in self.incidents if one["incident_key"] == query["incident_key"][0]], "more": False}, {}
        if (request.command, path) == ("POST", "/incidents"):
            return self.page(request, body["incident"])
        return self.error(404, "Not Found", code=2100)

    def oncalls(self, query):
        since, until = query.get("since", [at(0)])[0], query.get("until", [at(0)])[0]
        if until < since or until > at(93):
            return self.error(400, "Invalid Input Provided", "Until must be within 3 months of since.")
        [policy] = query["escalation_policy_ids[]"]
        whole = query.get("include[]") == ["users"]

        def user(name):
            return self.users[name] if whole else {"id": self.users[name]["id"], "type": "user_reference"}
        if policy == "PNOS":
            every = [{"user": user("alan"), "schedule": None, "escalation_level": 1, "start": None, "end": None}]
        else:
            every = [{"user": user("alan"), "schedule": None, "escalation_level": 2, "start": None, "end": None}]
            every += [{"user": user(name), "schedule": {"id": "PSCH"}, "escalation_level": 1, "start": at(begin), "end": at(end)}
                      for name, begin, end in self.turns if at(begin) < until and at(end) > since or at(begin) <= since < at(end)]
        limit, offset = int(query.get("limit", ["25"])[0]), int(query.get("offset", ["0"])[0])
        return 200, {"oncalls": every[offset:offset + limit], "limit": limit, "offset": offset, "more": offset + limit < len(every), "total": None}, {}

    def page(self, request, incident):
        if request.headers["From"] not in [user["email"] for user in self.users.values()]:
            return self.error(400, "Requester User Not Found", code=1008)
        if incident.get("type") != "incident" or not incident.get("title") or incident["service"].get("type") != "service_reference":
            return self.error(400, "Invalid Input Provided", "Incident is not valid.")
        if any(one["incident_key"] == incident["incident_key"] for one in self.incidents):
            return self.error(400, "Invalid Input Provided", "Open incident with matching dedup key already exists on this service")
        number = f"Q{len(self.incidents) + 1}"
        self.incidents.append({**incident, "id": number, "html_url": f"https://acme.pagerduty.com/incidents/{number}"})
        return 201, {"incident": self.incidents[-1]}, {}
