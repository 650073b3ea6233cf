"""Debian's Apache with mod_dav and mod_dav_fs, on loopback, without its service: what it serves lies in .files."""
import base64
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

from dispatch_server import free_port, until

WRITER, READER, PASSWORD = "dispatch", "reader", "correct horse battery"
MODULES = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "alias", "dir", "mime", "ssl", "dav", "dav_fs"]

CONFIG = """
ServerRoot {directory}
PidFile {directory}/pid
ErrorLog {directory}/error.log
DefaultRuntimeDir {directory}
ServerName 127.0.0.1
{user}
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls_port}
StartServers 1
TypesConfig /dev/null
AddType "text/markdown; charset=utf-8" .md
AddType "text/html; charset=utf-8" .html
DocumentRoot {directory}/empty
DavLockDB {directory}/state/locks
Alias /dav {files}
<Directory {files}>
  DAV On
  AuthType Basic
  AuthName files
  AuthUserFile {directory}/users
  <Limit GET HEAD OPTIONS PROPFIND>
    Require valid-user
  </Limit>
  <LimitExcept GET HEAD OPTIONS PROPFIND>
    Require user {writer}
  </LimitExcept>
</Directory>
<VirtualHost 127.0.0.1:{tls_port}>
  SSLEngine on
  SSLCertificateFile {directory}/certificate.pem
  SSLCertificateKeyFile {directory}/key.pem
</VirtualHost>
"""


def hashed(password):
    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


class Apache:
    def __init__(self):
        self.program = shutil.which("apache2") or "/usr/sbin/apache2"
        assert os.path.exists(self.program), "apache2 is not installed: apt-get install apache2-bin (config/packages/test.txt)"
        modules = os.path.join(os.path.dirname(os.path.dirname(self.program)), "lib/apache2/modules")
        self.directory = tempfile.mkdtemp(prefix="dispatch-webdav-")
        os.chmod(self.directory, 0o755)
        self.files = os.path.join(self.directory, "files")
        for name in ("empty", "state", "files", "files/Incidents", "files/Templates"):
            os.mkdir(os.path.join(self.directory, name))
        self.port, self.tls_port = free_port(), free_port()
        self.url, self.tls_url = f"http://127.0.0.1:{self.port}/dav", f"https://127.0.0.1:{self.tls_port}/dav"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", f"{self.directory}/key.pem", "-out", f"{self.directory}/certificate.pem"],
                       check=True, capture_output=True)
        with open(os.path.join(self.directory, "users"), "w") as file:
            file.writelines(f"{user}:{hashed(PASSWORD)}\n" for user in (WRITER, READER))
        # As root it serves as somebody else, who then has to own what it writes.
        owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        user = f"User {owner.pw_name}\nGroup #{owner.pw_gid}" if owner else ""
        with open(os.path.join(self.directory, "apache.conf"), "w") as file:
            file.writelines(f"LoadModule {name}_module {modules}/mod_{name}.so\n" for name in MODULES)
            file.write(CONFIG.format(directory=self.directory, files=self.files, port=self.port, tls_port=self.tls_port, writer=WRITER, user=user))
        self.owner = owner
        self.process = None
        self.give("state", "files", "files/Incidents", "files/Templates")

    def give(self, *names):
        for name in names:
            if self.owner:
                os.chown(os.path.join(self.directory, name), self.owner.pw_uid, self.owner.pw_gid)

    def start(self):
        self.log = open(os.path.join(self.directory, "out"), "ab")
        self.process = subprocess.Popen([self.program, "-f", os.path.join(self.directory, "apache.conf"), "-DFOREGROUND"],
                                        stdout=self.log, stderr=subprocess.STDOUT)
        until("Apache", lambda: self.process.poll() is None and self.ask("GET", "/Templates/", ok=False) != 0)
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, method, path, body=None, user=WRITER, ok=True, headers=None):
        """As a person's own client would; the answer's body, or only its status where `ok` is not asked for."""
        login = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(path if path.startswith("http") else self.url + path, data=body, method=method,
                                         headers={"Authorization": f"Basic {login}", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read().decode()
                return text if ok else answer.status
        except urllib.error.HTTPError as error:
            with error:
                if ok:
                    raise
                return error.code

    def write(self, path, text):
        with open(self.files + path, "w") as file:
            file.write(text)
        self.give("files" + path)

    def read(self, path):
        with open(self.files + path) as file:
            return file.read()

    def tree(self, path="/"):
        """Folders with a "/" at the end; without what mod_dav_fs keeps for itself."""
        found = []
        for where, folders, names in os.walk(self.files + path):
            folders[:] = [name for name in folders if name != ".DAV"]
            for name in folders:
                found.append(os.path.relpath(os.path.join(where, name), self.files + path) + "/")
            for name in names:
                found.append(os.path.relpath(os.path.join(where, name), self.files + path))
        return sorted(found)
