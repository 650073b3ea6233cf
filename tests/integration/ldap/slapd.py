"""Debian's slapd on loopback, with a configuration, an LMDB database and a certificate of its own in a directory."""
import os
import shutil
import subprocess

from dispatch_server import free_port, until

BASE = "dc=example,dc=com"
ADMIN = f"cn=admin,{BASE}"
READER = f"cn=dispatch,ou=services,{BASE}"
LIMITED = f"cn=limited,ou=services,{BASE}"
PASSWORD = "a password with é and ,"
ADMIN_PASSWORD = "the administrator's"

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/slapd.pid
argsfile {directory}/slapd.args
TLSCertificateFile {directory}/certificate.pem
TLSCertificateKeyFile {directory}/key.pem
security simple_bind=112
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw "{admin_password}"
directory {directory}/database
index objectClass,uid,mail,cn eq
limits dn.exact="{limited}" size=2
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=private,{base}" by dn.exact="{reader}" read by * none
access to * by * read
"""


def entry(dn, *classes, **attributes):
    lines = [f"dn: {dn}", *(f"objectClass: {name}" for name in classes)]
    for name, values in attributes.items():
        lines += [f"{name}: {value}" for value in ([values] if isinstance(values, str) else values)]
    return "\n".join(lines) + "\n\n"


def person(uid, name, **more):
    return entry(f"uid={uid},ou=people,{BASE}", "inetOrgPerson", uid=uid, cn=name, sn=name.split()[-1], **more)


def dn(uid):
    return f"uid={uid},ou=people,{BASE}"


def content():
    group, groups = "groupOfNames", f"ou=groups,{BASE}"
    text = entry(BASE, "dcObject", "organization", dc="example", o="Example")
    for unit in ("people", "groups", "services", "private"):
        text += entry(f"ou={unit},{BASE}", "organizationalUnit", ou=unit)
    for name in ("dispatch", "limited"):
        text += entry(f"cn={name},ou=services,{BASE}", "person", cn=name, sn=name, userPassword=PASSWORD)
    text += person("grace", "Grace Hopper", mail="grace@example.com", title="Rear admiral", ou="Compilers", departmentNumber="Engineering",
                   l="Arlington", labeledURI="https://people.example.com/grace Her page")
    text += person("star", "Star (*) Name", mail="star*(x)@example.com", l="Everywhere")
    for uid in ("ada", "alan", "edsger", "barbara"):
        text += person(uid, f"{uid.capitalize()} Example", mail=f"{uid}@example.com")
    text += person("silent", "Silent Example") + person("left", "Left Example", mail="left@example.com", employeeType="left")
    text += entry(f"cn=hidden,ou=private,{BASE}", "inetOrgPerson", cn="Hidden Person", sn="Person", mail="hidden@example.com")
    text += entry(f"cn=dispatch-type-Default,{groups}", group, cn="dispatch-type-Default",
                  member=[dn("ada"), dn("silent"), dn("left"), f"cn=inner,{groups}", dn("gone")])
    text += entry(f"cn=inner,{groups}", "groupOfUniqueNames", cn="inner",
                  uniqueMember=[dn("alan") + "#'0101'B", f"cn=dispatch-type-Default,{groups}", f"cn=innermost,{groups}"])
    text += entry(f"cn=innermost,{groups}", group, cn="innermost", member=dn("edsger"))
    text += entry(f"cn=dispatch-priority-High,{groups}", "posixGroup", cn="dispatch-priority-High", gidNumber="1", memberUid=["barbara", "nobody"])
    for number in range(130):
        text += entry(f"cn=many-{number:03},{groups}", group, cn=f"many-{number:03}", description="all" if number < 95 else "rest", member=dn("ada"))
    text += entry(f"ou=elsewhere,{BASE}", "referral", "extensibleObject", ou="elsewhere", ref="ldap://other.example.com/ou=elsewhere,dc=example,dc=com")
    return text


class Slapd:
    def __init__(self, directory):
        assert os.path.exists("/usr/sbin/slapd"), "slapd is not installed: apt-get install slapd ldap-utils (config/packages/test.txt)"
        self.directory = directory
        os.makedirs(os.path.join(directory, "database"))
        # A copy, for Debian's AppArmor profile lets the program at its own path read nothing here.
        self.program = shutil.copy("/usr/sbin/slapd", os.path.join(directory, "slapd"))
        self.certificate = os.path.join(directory, "certificate.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=ldap.test",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", os.path.join(directory, "key.pem"), "-out", self.certificate],
                       check=True, capture_output=True)
        self.configuration = os.path.join(directory, "slapd.conf")
        with open(self.configuration, "w") as file:
            file.write(CONFIGURATION.format(directory=directory, base=BASE, admin=ADMIN, admin_password=ADMIN_PASSWORD, limited=LIMITED, reader=READER))
        ldif = os.path.join(directory, "content.ldif")
        with open(ldif, "w") as file:
            file.write(content())
        loaded = subprocess.run([self.program, "-T", "add", "-f", self.configuration, "-l", ldif], capture_output=True, text=True)
        assert loaded.returncode == 0, loaded.stderr
        self.port, self.tls_port = free_port(), free_port()
        self.start()

    def start(self):
        self.log = open(os.path.join(self.directory, "log"), "ab")
        self.process = subprocess.Popen([self.program, "-d", "256", "-f", self.configuration, "-h", f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"],
                                        stdout=self.log, stderr=subprocess.STDOUT)
        until("slapd", lambda: self.search("(objectClass=*)", "dn", scope="base"))

    def client(self, *words, stdin=None):
        """One of ldap-utils, as an administrator over TLS."""
        done = subprocess.run([words[0], "-x", "-ZZ", "-H", f"ldap://127.0.0.1:{self.port}", "-D", ADMIN, "-w", ADMIN_PASSWORD, *words[1:]], input=stdin,
                              capture_output=True, text=True, env={**os.environ, "LDAPTLS_CACERT": self.certificate}, timeout=30)
        if done.returncode != 0:
            raise OSError(done.stderr)
        return done.stdout

    def search(self, filter_, *attributes, base=BASE, scope="sub"):
        return self.client("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", base, "-s", scope, filter_, *attributes)

    def modify(self, ldif):
        self.client("ldapmodify", stdin=ldif)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
