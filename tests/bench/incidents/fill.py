"""Fills a fresh Dispatch database (SQLite file) with incidents, as many as asked: fill.py FILE COUNT EMAIL."""
import sqlite3
import sys

path, count, email = sys.argv[1], int(sys.argv[2]), sys.argv[3]
db = sqlite3.connect(path)
one = lambda sql, *values: db.execute(sql, values).fetchone()[0]
organization = one("SELECT id FROM organization WHERE slug = 'default'")
project = one("SELECT id FROM project WHERE organization_id = ?", organization)
ids = {kind: [row[0] for row in db.execute(f"SELECT id FROM incident_{kind} WHERE project_id = ?", (project,))] for kind in ("type", "priority", "severity")}
now = "2026-01-01T00:00:00.000000Z"
people = [db.execute("INSERT INTO individual_contact (organization_id, project_id, email, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
                     (organization, project, f"person{n}@example.com", f"Person {n}", now, now)).lastrowid for n in range(50)]
kind = db.execute("INSERT INTO tag_type (organization_id, project_id, name, created_at, updated_at) VALUES (?, ?, 'area', ?, ?)", (organization, project, now, now)).lastrowid
tags = [db.execute("INSERT INTO tag (organization_id, project_id, tag_type_id, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
                   (organization, project, kind, f"area-{n}", now, now)).lastrowid for n in range(20)]
for n in range(count):
    at = f"2025-{n % 12 + 1:02d}-{n % 28 + 1:02d}T{n % 24:02d}:{n % 60:02d}:00.{n % 1000000:06d}Z"
    incident = db.execute(
        "INSERT INTO incident (organization_id, project_id, name, title, description, status, visibility, reported_at, incident_type_id, incident_priority_id,"
        " incident_severity_id, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, 'Open', ?, ?, ?, ?, ?, ?)",
        (organization, project, f"bench-{n}", f"Checkout answers slowly in region {n % 17}", "Since the last deployment one in ten requests takes longer than two seconds. " * 3,
         ("Active", "Stable", "Closed")[n % 3], at, ids["type"][n % len(ids["type"])], ids["priority"][n % len(ids["priority"])], ids["severity"][n % len(ids["severity"])], at, at)).lastrowid
    holders = []
    for offset, role in ((n, "Incident Commander"), (n + 7, "Reporter")):
        holder = db.execute("INSERT INTO participant (organization_id, incident_id, individual_contact_id, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
                            (organization, incident, people[offset % 50], at, at)).lastrowid
        db.execute("INSERT INTO participant_role (organization_id, participant_id, role, assumed_at) VALUES (?, ?, ?, ?)", (organization, holder, role, at))
        holders.append(holder)
    db.execute("UPDATE incident SET commander_id = ?, reporter_id = ? WHERE id = ?", (*holders, incident))
    for tag in {tags[n % 20], tags[(n * 7) % 20]}:
        db.execute("INSERT INTO incident_tag (incident_id, tag_id) VALUES (?, ?)", (incident, tag))
db.commit()
db.execute("ANALYZE")
db.commit()
