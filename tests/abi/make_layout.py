#!/usr/bin/env python3
"""Writes or checks layout_lock.inc: every struct of the ABI with its size and the offset of every member.

  make_layout.py HEADERS check LOCK        fails if a struct or member of the headers is not in the lock, or the reverse
  make_layout.py HEADERS write LOCK [CC]   makes the lock anew; only while the ABI is a draft, or to append to it

The numbers themselves are held by the compiler: layout_lock.c.
"""
import pathlib, re, subprocess, sys, tempfile


def structs(headers):
    found = {}
    for header in sorted(pathlib.Path(headers, "dispatch/abi").glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\n\} \1;", text, flags=re.S):
            members = []
            for declaration in body.split(";"):
                declaration = " ".join(declaration.split())
                if not declaration:
                    continue
                function = re.search(r"\(\*(\w+)\)\(", declaration)
                plain = re.search(r"(\w+)(\[\d+\])?$", declaration)
                members.append((function or plain).group(1))
            found[name] = members
    return found


def lock_names(lock):
    found = {}
    for name, member in re.findall(r"^FIELD\((\w+), (\w+),", pathlib.Path(lock).read_text(), flags=re.M):
        found.setdefault(name, []).append(member)
    return found


def write(headers, lock, compiler):
    lines = []
    for name, members in structs(headers).items():
        for member in members:
            lines.append(f'printf("FIELD({name}, {member}, %zu)\\n", offsetof({name}, {member}));')
        lines.append(f'printf("STRUCT({name}, {members[-1]}, %zu)\\n", sizeof({name}));')
    program = "#include <dispatch/abi.h>\n#include <stdio.h>\nint main(void) {\n" + "\n".join(lines) + "\nreturn 0;\n}\n"
    with tempfile.TemporaryDirectory() as directory:
        source = pathlib.Path(directory, "layout.c")
        source.write_text(program)
        subprocess.run([compiler, f"-I{headers}", "-o", f"{directory}/layout", source], check=True)
        out = subprocess.run([f"{directory}/layout"], check=True, capture_output=True, text=True).stdout
    pathlib.Path(lock).write_text("/* Made by make_layout.py. A released line never changes; new members are appended. */\n" + out)


def main():
    headers, action, lock = sys.argv[1:4]
    if action == "write":
        write(headers, lock, sys.argv[4] if len(sys.argv) > 4 else "cc")
        return 0
    wanted, held = structs(headers), lock_names(lock)
    if len(wanted) < 20:
        print(f"only {len(wanted)} structs found in {headers}: the headers' form has changed, and this check with it")
        return 1
    for name in sorted(wanted.keys() | held.keys()):
        if wanted.get(name) != held.get(name):
            print(f"{name}: the headers have {wanted.get(name)}, the lock has {held.get(name)}")
            return 1
    print(f"{len(wanted)} structs, {sum(map(len, wanted.values()))} members held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
