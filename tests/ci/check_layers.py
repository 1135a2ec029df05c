#!/usr/bin/env python3
"""Fail if a file under engine/ includes a folder that engine/LAYERS does not allow, if engine/
includes what uses it, or if a third-party header stands outside its one place."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINE = ROOT / "engine"
EVERYONE = {"core", "model"}
# Header prefix -> files (below engine/) that may include it.
THIRD_PARTY = {
    "pcap": {"sources/pcap.c"},
    "pcre2": {"detect/regex.c", "detect/regex_scan.c"},
    "event2/": {"core/loop.c", "core/resp.c"},
    "hiredis/": {"core/resp.c"},
    "yaml.h": {"core/yaml.c"},
    "openssl/": {"core/crypto.c", "core/resp.c"},
    "xxhash": {"core/hash.c"},
    "zlib": {"core/compress.c"},
    "zstd": {"core/compress.c"},
}


def allowed_edges():
    edges = {}
    for line in (ENGINE / "LAYERS").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            folder, _, others = line.partition(":")
            edges[folder] = {folder, *EVERYONE, *others.split()}
    edges["core"] = {"core"}
    edges["model"] = {"model", "core"}
    return edges


def mistakes(path, edges):
    relative = path.relative_to(ENGINE)
    folder = relative.parts[0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if own and own.group(1).split("/")[0] not in edges.get(folder, set()):
            yield number, f"{folder}/ may not include {own.group(1)}"
        other = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        for prefix, places in THIRD_PARTY.items():
            if other and other.group(1).startswith(prefix) and str(relative) not in places:
                yield number, f"<{other.group(1)}> belongs to {', '.join(sorted(places))}"


def main():
    edges, bad = allowed_edges(), 0
    for path in sorted([*ENGINE.rglob("*.[ch]"), *ENGINE.rglob("*.def")]):
        for number, text in mistakes(path, edges):
            print(f"{path.relative_to(ROOT)}:{number}: {text}")
            bad += 1
    for folder in sorted(p.name for p in ENGINE.iterdir() if p.is_dir()):
        if folder not in edges:
            print(f"engine/{folder}: not named in engine/LAYERS")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
