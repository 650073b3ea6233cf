"""Debian's Redmine, on loopback, as an application of its own under puma: neither the package's instance nor its database is touched."""
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

from dispatch_server import free_port, until

HOME = "/usr/share/redmine"
# Two projects, a tracker with a field that it demands, a role that may do what docs/operators.md asks for, and one that may only look.
SEED = """
Setting.rest_api_enabled = '1'
Setting.text_formatting = 'textile'
ops = Project.create!(name: 'Operations', identifier: 'ops', enabled_module_names: ['issue_tracking'], trackers: Tracker.all)
field = IssueCustomField.create!(name: 'Impact', field_format: 'string', is_required: true, is_for_all: true)
outage = Tracker.create!(name: 'Outage', default_status: IssueStatus.first, custom_fields: [field])
payments = Project.create!(name: 'Payments', identifier: 'payments', enabled_module_names: ['issue_tracking'], trackers: [outage])
may = [:view_issues, :add_issues, :edit_issues, :delete_issues, :set_issues_private, :add_issue_notes]
writer = Role.create!(name: 'Dispatch', permissions: may, issues_visibility: 'all')
reader = Role.create!(name: 'Onlooker', permissions: [:view_issues])
statuses = IssueStatus.all.to_a
(Tracker.all - [outage]).each do |tracker|
  statuses.product(statuses).each { |a, b| WorkflowTransition.create!(tracker: tracker, role: writer, old_status: a, new_status: b) unless a == b }
end
keys = { dispatch: writer, onlooker: reader }.map do |login, role|
  user = User.new(firstname: login.to_s, lastname: 'Account', mail: "#{login}@example.com")
  user.login = login.to_s
  user.password = SecureRandom.hex(16)
  user.save!
  [ops, payments].each { |project| Member.create!(user: user, project: project, roles: [role]) }
  [login, user.api_key]
end
File.write(ENV['SEEDED'], { keys: keys.to_h, field: field.id }.to_json)
"""


class Redmine:
    def __init__(self):
        assert os.path.isdir(HOME), "redmine is not installed: config/packages/full.txt"
        self.directory = tempfile.mkdtemp(prefix="dispatch-redmine-")
        self.app = os.path.join(self.directory, "app")
        shutil.copytree(HOME, self.app, ignore=lambda directory, names: ["instances"] if directory == HOME else [], ignore_dangling_symlinks=True)
        # The package looks for its settings in a directory for each instance.
        instance = os.path.join(self.app, "instances", "default")
        for name in ("config", "files", "log", "tmp", "public"):
            os.makedirs(os.path.join(instance, name))
        with open(os.path.join(instance, "config", "database.yml"), "w") as file:
            file.write(f"production:\n  adapter: sqlite3\n  database: {self.directory}/redmine.db\n  timeout: 20000\n")
        with open(os.path.join(instance, "config", "secret_key.txt"), "w") as file:
            file.write(secrets.token_hex(32))
        lock = os.path.join(self.app, "Gemfile.lock")
        if os.path.lexists(lock):
            os.remove(lock)
        with open(os.path.join(self.app, "Gemfile.local"), "w") as file:
            file.write("gem 'puma'\n")
        self.environment = {**os.environ, "RAILS_ENV": "production", "REDMINE_LANG": "en", "SEEDED": os.path.join(self.directory, "seeded")}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.run("rake", "db:migrate")
        self.run("rake", "redmine:load_default_data")
        seed = os.path.join(self.directory, "seed.rb")
        with open(seed, "w") as file:
            file.write(SEED)
        self.run("rails", "runner", seed)
        with open(self.environment["SEEDED"]) as file:
            seeded = json.load(file)
        self.keys, self.field = seeded["keys"], seeded["field"]

    def run(self, *words):
        done = subprocess.run(["bundle", "exec", *words], cwd=self.app, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stdout[-1500:], done.stderr[-1500:])

    def ruby(self, text):
        path = os.path.join(self.directory, "do.rb")
        with open(path, "w") as file:
            file.write(text)
        self.run("rails", "runner", path)

    def start(self):
        with open(os.path.join(self.directory, "puma.log"), "ab") as log:
            self.process = subprocess.Popen(["bundle", "exec", "puma", "-b", f"tcp://127.0.0.1:{self.port}", "-t", "1:4", "config.ru"],
                                            cwd=self.app, env=self.environment, stdout=log, stderr=log)
        until("Redmine", lambda: self.get("/users/current.json", ok=False) is not None, 60)
        return self

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, method, path, body=None, key="dispatch"):
        """(status, JSON) as somebody beside Dispatch sees it."""
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"X-Redmine-API-Key": self.keys[key], "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text.strip() else None
        except urllib.error.HTTPError as error:
            return error.code, None

    def get(self, path, ok=True):
        try:
            status, body = self.ask("GET", path)
        except (urllib.error.URLError, OSError):
            return None
        assert not ok or status == 200, (path, status)
        return body if ok else status

    def issues(self):
        return self.get("/issues.json?status_id=*&limit=100")["issues"]

    def issue(self, number):
        return self.get(f"/issues/{number}.json")["issue"]
