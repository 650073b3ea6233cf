"""The C++ of docs/plugin-authors.md as files that compile: samples.py DOCUMENT CLASSES_FILE TESTS_FILE

Every fenced block of cpp is a class of a plugin or a test, and anything else is refused. Classes get a namespace each, all in one
file, with the table that DISPATCH_PLUGIN would make of them: it is what holds their methods to the expected signatures. Prints
"<name of the class>" for each, so that the caller can compare with what it is said to be.
"""
import re
import sys

document, classes_file, tests_file = sys.argv[1:4]
text = open(document, encoding="utf-8").read()
blocks = re.findall(r"^```cpp\n(.*?)^```$", text, re.M | re.S)
assert blocks, f"{document} has no block of cpp"
loose = [line for line in text.splitlines() if re.match(r" {4}.*[;{}]$", line) and line not in "\n".join(re.findall(r"^```.*?^```$", text, re.M | re.S))]
assert not loose, f"{document}: C++ outside of a block is not compiled: {loose[:3]}"
classes, tests = [], []
for block in blocks:
    base = re.match(r"class (\w+) : public (dispatch::)?\w+(Plugin|Provider) {", block)
    if base:
        classes.append((base.group(1), block))
    else:
        assert block.startswith("TEST("), f"neither a plugin's class nor a test:\n{block}"
        tests.append(block)
with open(classes_file, "w", encoding="utf-8") as file:
    file.write("#include <dispatch/sdk.hpp>\n\n#include <thread>\n\n")
    for name, block in classes:
        space = f"sample_{name}"
        file.write(f"namespace {space} {{\nusing namespace dispatch;\n{block}"
                   f'extern const dispatch_plugin_v1 table;\n'
                   f'const dispatch_plugin_v1 table = dispatch::sdk::Entry<{name}>::describe("{space}", "1.0.0");\n}}\n\n')
        print(name)
with open(tests_file, "w", encoding="utf-8") as file:
    file.write("#include <dispatch/testing.hpp>\n#include <gtest/gtest.h>\n\n" + "\n".join(tests))
