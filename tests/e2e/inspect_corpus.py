#!/usr/bin/env python3
"""Compares `ringfence inspect --json` with what tshark saw in the captures of ../shared/corpus.

    inspect_corpus.py PROGRAM [CORPUS]      exit 0 agreed, 1 not, 77 no corpus here

Captures whose SIP travels inside something that is not decoded (see NOT_DECODED) are left out.
Where the two differ and tshark is not right, EXPECTED holds our numbers and the reason.
"""
import csv
import json
import pathlib
import re
import subprocess
import sys

NOT_DECODED = re.compile(r":tcp:|:gtp:|:gre:|ip:ip:|fraghdr")

EXPECTED = {
    # Bytes changed at random. Frames that only tshark counts: 253, 432, 454, 602, 603, 640 (lengths
    # of IP or UDP beyond the packet), 247 (no line feed behind the version, so the start line runs
    # on into the next header). Frames that only we count: 108, 348 (a NUL in the reason phrase) and
    # 346, 441 (a NUL in the Request-URI; refused further on for their headers).
    "pcap-ndpi/fuzz-2006-06-26-2594.pcap": {
        "messages": 49, "requests": 27, "responses": 22,
        "by_method": {"ACK": 3, "CANCEL": 7, "INVITE": 6, "REGISTER": 10, "REGIStER": 1},
        "by_code": {"100": 3, "183": 1, "200": 3, "401": 8, "403": 3, "407": 2, "408": 1, "480": 1},
        "call_ids": 24,
    },
    # A 200 alone: no call is invented from an answer to an INVITE that was not seen.
    "pcap-pcapplusplus/sdp.pcap": {"answered": 0},
    # An INVITE and the 200 of another Call-ID.
    "pcap-pcapplusplus/sip_non_default_port.pcap": {"answered": 0},
}


def counts(cell):
    return {k: int(v) for k, v in (pair.rsplit("=", 1) for pair in cell.split())}


def truth(row):
    return {
        "packets": int(row["packets"]),
        "messages": int(row["sip_frames"]),
        "requests": int(row["requests"]),
        "responses": int(row["responses"]),
        "by_method": counts(row["by_method"]),
        "by_code": counts(row["by_code"]),
        "call_ids": int(row["distinct_callids"]),
        "answered": int(row["answered_callids(2xx to INVITE)"]),
    }


def inspect(program, file):
    done = subprocess.run([program, "inspect", "--json", file], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip()
    report = json.loads(done.stdout)
    found = {"packets": report["packets"], "answered": report["calls"]["answered"]}
    found.update({k: report["sip"][k] for k in
                  ("messages", "requests", "responses", "by_method", "by_code", "call_ids")})
    return found


def main():
    program = sys.argv[1]
    corpus = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else
                          pathlib.Path(__file__).parents[2] / "../shared/corpus")
    if not (corpus / "pcap_truth.tsv").exists():
        return 77
    bad = compared = 0
    with open(corpus / "pcap_truth.tsv", newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    for row in rows:
        if NOT_DECODED.search(row["protocol_stacks"]):
            continue
        want = truth(row)
        want.update(EXPECTED.get(row["file"], {}))
        found = inspect(program, corpus / row["file"])
        compared += 1
        if isinstance(found, str):
            bad += 1
            print(found)
            continue
        for key in want:
            if found[key] != want[key]:
                bad += 1
                print(f'{row["file"]}: {key}: {found[key]} instead of {want[key]}')
    print(f"{compared} captures compared, {bad} differences")
    return 1 if bad else 0


sys.exit(main())
