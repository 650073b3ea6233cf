"""Calendars with the shifts that they give, worked out by Debian's python3-dateutil and Python's zoneinfo: vectors.py SEED COUNT FILE

The plugin's unit tests read such files (plugins/ical/vectors_test.cpp). The lines are folded by python3-icalendar.
"""
import datetime
import functools
import json
import random
import sys
import zoneinfo

import icalendar
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

UTC = datetime.timezone.utc
LAST = datetime.datetime(2032, 1, 1)
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
FREQUENCIES = {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY, "YEARLY": YEARLY}
POSIX = {"Europe/Berlin": "CET-1CEST,M3.5.0,M10.5.0/3", "America/New_York": "EST5EDT,M3.2.0,M11.1.0",
         "Australia/Sydney": "AEST-10AEDT,M10.1.0,M4.1.0/3", "Europe/Dublin": "IST-1GMT0,M10.5.0,M3.5.0/1",
         "America/St_Johns": "NST3:30NDT,M3.2.0,M11.1.0"}
BY_RULE = {"Europe/Berlin": [("STANDARD", "19701025T030000", 2, 1, "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"),
                             ("DAYLIGHT", "19700329T020000", 1, 2, "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU")],
           "America/New_York": [("DAYLIGHT", "20070311T020000", -5, -4, "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"),
                                ("STANDARD", "20071104T020000", -4, -5, "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU")],
           "Australia/Sydney": [("STANDARD", "20080406T030000", 11, 10, "FREQ=YEARLY;BYMONTH=4;BYDAY=1SU"),
                                ("DAYLIGHT", "20081005T020000", 10, 11, "FREQ=YEARLY;BYMONTH=10;BYDAY=1SU")],
           "Asia/Kolkata": [("STANDARD", "16010101T000000", 5.5, 5.5, None)]}
BY_DATES = ["Africa/Casablanca", "America/Santiago", "Asia/Tehran", "Europe/Lisbon", "Pacific/Apia", "Europe/Istanbul", "Europe/Dublin"]


def written(moment, date=False, utc=False):
    return moment.strftime("%Y%m%d" if date else "%Y%m%dT%H%M%S") + ("Z" if utc and not date else "")


def offset(hours):
    minutes = round(abs(hours) * 60)
    return f"{'-' if hours < 0 else '+'}{minutes // 60:02}{minutes % 60:02}"


@functools.cache
def observances_by_dates(name):
    """What zoneinfo says from 2009 to 2033, with the dates of its changes."""
    zone, out, changes = zoneinfo.ZoneInfo(name), [], {}
    at, end = datetime.datetime(2009, 1, 1, tzinfo=UTC), datetime.datetime(2033, 1, 1, tzinfo=UTC)
    hour = datetime.timedelta(hours=1)
    before = at.astimezone(zone).utcoffset()
    first = before.total_seconds() / 3600
    out.append(("STANDARD", "20090101T000000", first, first, None))
    while at < end:
        after = (at + 24 * hour).astimezone(zone).utcoffset()
        if after != before:
            low, high = at, at + 24 * hour
            while high - low > datetime.timedelta(minutes=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
            change = (high + datetime.timedelta(seconds=30)).replace(second=0, microsecond=0)
            key = ("DAYLIGHT" if after > before else "STANDARD", before.total_seconds() / 3600, after.total_seconds() / 3600)
            changes.setdefault(key, []).append(written((change + before).replace(tzinfo=None)))
            before = after
        at += 24 * hour
    return out + [(kind, ",".join(moments), was, becomes, None) for (kind, was, becomes), moments in changes.items()]


def timezone(name):
    lines = ["BEGIN:VTIMEZONE", f"TZID:{name}"]
    for kind, start, was, becomes, rule in BY_RULE.get(name) or observances_by_dates(name):
        first, _, others = start.partition(",")
        lines += [f"BEGIN:{kind}", f"DTSTART:{first}", f"TZOFFSETFROM:{offset(was)}", f"TZOFFSETTO:{offset(becomes)}"]
        lines += [f"RRULE:{rule}"] if rule else []
        lines += [f"RDATE:{others}"] if others else []
        lines += [f"END:{kind}"]
    return lines + ["END:VTIMEZONE"]


class Case:
    def __init__(self, dice):
        self.dice = dice
        self.kind = dice.choice(["zoned", "zoned", "zoned", "utc", "floating", "allday", "allday"])
        self.zone_name = "UTC" if self.kind == "utc" else dice.choice(list(BY_RULE) + BY_DATES)
        self.by_posix = self.kind in ("floating", "allday") and self.zone_name in POSIX and dice.random() < 0.5
        self.zone = zoneinfo.ZoneInfo(self.zone_name)
        self.date = self.kind == "allday"
        self.start = datetime.datetime(2010, 1, 1) + datetime.timedelta(days=dice.randrange(5000))
        if not self.date:
            self.start += datetime.timedelta(minutes=dice.choice([0, 30, 60, 90, 120, 150, 180, 540, 1020, 1200, 1320, 1410]))
        self.make_rule()
        self.make_length()

    def make_rule(self):
        dice = self.dice
        frequency = dice.choice(list(FREQUENCIES))
        parts, known = [f"FREQ={frequency}"], {}
        if dice.random() < 0.5:
            known["interval"] = dice.choice([1, 2, 3, 4, 5, 7, 13])
            parts.append(f"INTERVAL={known['interval']}")
        if dice.random() < 0.3 if frequency != "YEARLY" else dice.random() < 0.6:
            known["bymonth"] = sorted(dice.sample(range(1, 13), dice.randrange(1, 5)))
            parts.append("BYMONTH=" + ",".join(map(str, known["bymonth"])))
        if frequency != "WEEKLY" and dice.random() < 0.4:
            known["bymonthday"] = dice.sample([1, 2, 5, 13, 15, 28, 29, 30, 31, -1, -2, -7, -31], dice.randrange(1, 4))
            parts.append("BYMONTHDAY=" + ",".join(map(str, known["bymonthday"])))
        if dice.random() < 0.6:
            most = 53 if frequency == "YEARLY" and "bymonth" not in known else 5
            # All with a number or none: dateutil takes a mixture for days that are both.
            days, numbered = [], frequency in ("MONTHLY", "YEARLY") and dice.random() < 0.6
            for day in dice.sample(range(7), dice.randrange(1, 4)):
                number = dice.choice([1, 2, 3, 4, 5, -1, -2, dice.randrange(1, most + 1), -dice.randrange(1, most + 1)])
                days.append((day, number if numbered else None))
            known["byweekday"] = [weekday(day, number) if number else weekday(day) for day, number in days]
            parts.append("BYDAY=" + ",".join(f"{number or ''}{DAYS[day]}" for day, number in days))
        if dice.random() < 0.4:
            known["wkst"] = dice.randrange(7)
            parts.append(f"WKST={DAYS[known['wkst']]}")
        end = dice.choice(["never", "never", "count", "until"])
        rule = rrule(FREQUENCIES[frequency], dtstart=self.start, until=LAST, **known)
        if dice.random() < 0.8 and (first := next(iter(rule), None)):
            # In step with its rule, as it should be.
            self.start = first
            rule = rrule(FREQUENCIES[frequency], dtstart=self.start, until=LAST, **known)
        self.starts = sorted({self.start, *rule})
        if end == "count":
            count = dice.randrange(1, 60)
            parts.append(f"COUNT={count}")
            self.starts = self.starts[:count]
        if end == "until":
            last = dice.choice(self.starts[:80]) + datetime.timedelta(minutes=dice.choice([0, 0, 0, 1, 5000]))
            if self.kind in ("zoned", "utc"):
                until = self.instant(last)
                parts.append(f"UNTIL={written(until, utc=True)}")
                self.starts = [one for one in self.starts if self.instant(one) <= until]
            else:
                parts.append(f"UNTIL={written(last, self.date)}")
                limit = last.replace(hour=23, minute=59) if self.date else last
                self.starts = [one for one in self.starts if one <= limit]
        dice.shuffle(parts)
        self.rule = ";".join(parts)

    def make_length(self):
        dice = self.dice
        if self.date:
            days = dice.choice([1, 1, 2, 5, 7, 14])
            self.length = ("wall", datetime.timedelta(days=days))
            self.length_line = dice.choice([f"DTEND;VALUE=DATE:{written(self.start + self.length[1], True)}", f"DURATION:P{days}D"]
                                           + ([None] if days == 1 else []))
        elif dice.random() < 0.6:
            self.length = ("wall", datetime.timedelta(minutes=dice.choice([30, 60, 480, 720, 1440, 1500, 7200, 10080, 20160])))
            self.length_line = self.dated("DTEND", [self.start + self.length[1]])
        else:
            text, kind, hours = dice.choice([("P1D", "wall", 24), ("P1W", "wall", 168), ("P2W", "wall", 336), ("PT8H", "exact", 8),
                                             ("PT12H", "exact", 12), ("PT24H", "exact", 24), ("PT168H0M0S", "exact", 168)])
            self.length, self.length_line = (kind, datetime.timedelta(hours=hours)), f"DURATION:{text}"

    def instant(self, local):
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    def end(self, start, length=None):
        kind, length = length or self.length
        return self.instant(start + length) if kind == "wall" else self.instant(start) + length

    def dated(self, name, moments):
        parameters = {"zoned": f";TZID={self.zone_name}", "allday": ";VALUE=DATE"}.get(self.kind, "")
        return f"{name}{parameters}:" + ",".join(written(one, self.date, self.kind == "utc") for one in moments)

    def event(self, start, more, length_line):
        lines = ["BEGIN:VEVENT", f"UID:{self.uid}", "DTSTAMP:20260101T000000Z", self.dated("DTSTART", [start])]
        lines += [length_line] if length_line else []
        lines += ["SUMMARY:On call\\, as planned\\; " + "a long title " * 6,
                  "ATTENDEE;CN=\"Grace Hopper, on call: all\";PARTSTAT=ACCEPTED:mailto:grace@example.com"]
        return lines + more + ["END:VEVENT"]

    def build(self, number):
        dice = self.dice
        self.uid = f"case-{number}@example.com"
        shifts = {(self.instant(one), self.end(one)) for one in self.starts}
        more, others = [f"RRULE:{self.rule}"], []
        near = self.starts[:40]
        if dice.random() < 0.3:
            gone = dice.sample(near, min(len(near), dice.randrange(1, 4)))
            more.append(self.dated("EXDATE", gone))
            shifts -= {(self.instant(one), self.end(one)) for one in gone}
        if dice.random() < 0.25:
            extra = [self.start + datetime.timedelta(days=dice.randrange(1, 90)) for _ in range(2)]
            excluded = {one for line in more if line.startswith("EXDATE") for one in line.rsplit(":", 1)[1].split(",")}
            extra = [one for one in extra if written(one, self.date, self.kind == "utc") not in excluded]
            if extra:
                more.append(self.dated("RDATE", extra))
                shifts |= {(self.instant(one), self.end(one)) for one in extra}
        if dice.random() < 0.3:
            replaced = dice.choice(near)
            shifts.discard((self.instant(replaced), self.end(replaced)))
            moved = replaced + datetime.timedelta(days=dice.randrange(-2, 3), minutes=0 if self.date else 90)
            change, day = [self.dated("RECURRENCE-ID", [replaced])], ("wall", datetime.timedelta(days=1))
            if dice.random() < 0.3:
                change.append("STATUS:CANCELLED")
            else:
                shifts.add((self.instant(moved), self.end(moved, day)))
            others = self.event(moved, change, "DURATION:P1D")
        zones = [] if self.by_posix or self.zone_name == "UTC" else timezone(self.zone_name)
        events = self.event(self.start, more, self.length_line)
        events = others + events if dice.random() < 0.5 else events + others
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//vectors//EN", *zones, *events, "END:VCALENDAR", ""]
        folded = "\r\n".join(icalendar.parser.Contentline(line).to_ical().decode() for line in lines)
        # A window that sees some of them, now and then none, and not what lies beyond the oracle.
        middle = dice.choice([*shifts, (self.instant(self.start), None)])[0] + datetime.timedelta(hours=dice.randrange(-400, 400))
        begin = middle - datetime.timedelta(hours=dice.choice([0, 1, 100, 2000]))
        end = min(middle + datetime.timedelta(hours=dice.choice([1, 30, 100, 2000])), LAST.replace(tzinfo=UTC) - datetime.timedelta(days=30))
        seen = sorted({(one, last) for one, last in shifts if one < end and last > begin and one < last})[:12]
        if len(seen) == 12:
            end = seen[-1][0] + datetime.timedelta(seconds=1)
            seen = sorted({(one, last) for one, last in shifts if one < end and last > begin and one < last})
        return {"rule": f"{self.kind} {self.zone_name} {self.rule}", "calendar": folded, "zone": POSIX[self.zone_name] if self.by_posix else self.zone_name,
                "from": int(begin.timestamp()), "to": int(end.timestamp()),
                "shifts": [[int(one.timestamp()), int(last.timestamp())] for one, last in seen]}


def vectors(seed, count):
    dice = random.Random(seed)
    out = []
    while len(out) < count:
        case = Case(dice).build(len(out))
        if case["from"] < case["to"]:
            out.append(case)
    return out


if __name__ == "__main__":
    cases = vectors(int(sys.argv[1]), int(sys.argv[2]))
    with open(sys.argv[3], "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(f"{len(cases)} calendars with {sum(len(case['shifts']) for case in cases)} shifts")
