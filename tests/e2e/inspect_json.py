#!/usr/bin/env python3
"""`ringfence inspect --json` on captures made here, member by member.

    inspect_json.py PROGRAM      exit 0 agreed, 1 not
"""
import gzip
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

START = 1767268800  # 2026-01-01T12:00:00Z


def packet(payload, ethertype=b"\x08\x00", length=None):
    udp = struct.pack(">HHHH", 5060, 5062, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length or 20 + len(udp), 1, 0x4000, 64, 17, 0,
                     bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
    return bytes(12) + ethertype + ip + udp


def message(start, call, cseq, to_tag=""):
    return (f"{start}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call}{cseq[0]}\r\n"
            f"From: <sip:+442079460001@a.example>;tag=1\r\nTo: <sip:+447700900001@b.example>{to_tag}\r\n"
            f"Call-ID: {call}@a\r\nCSeq: {cseq}\r\n\r\n").encode()


def pcap(packets):
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return head + b"".join(struct.pack("<IIII", START + i, 500000, len(p), len(p)) + p
                           for i, p in enumerate(packets))


CALL = [
    packet(message("INVITE sip:+447700900001@b.example SIP/2.0", "a", "1 INVITE")),
    packet(message("SIP/2.0 180 Ringing", "a", "1 INVITE", ";tag=2")),
    packet(message("SIP/2.0 200 OK", "a", "1 INVITE", ";tag=2")),
    packet(message("BYE sip:+447700900001@b.example SIP/2.0", "a", "2 BYE", ";tag=2")),
    packet(message("SIP/2.0 200 OK", "a", "2 BYE", ";tag=2")),
]
OTHERS = [
    packet(b"\r\n\r\n"),
    packet(b"\x80\x00 no SIP, but long enough"),
    packet(b"arp", ethertype=b"\x08\x06"),
    packet(b"cut", length=999),
    packet(message("OPTIONS sip:b.example SIP/2.0", "o", "1 OPTIONS")),
    packet(message("OpTIONS sip:b.example SIP/2.0", "o", "2 OpTIONS")),
    packet(message("OPTIONS sip:b.example SIP/2.0", "", "1 OPTIONS").replace(b"Call-ID: @a\r\n", b"")),
    packet(b"SIP/2.0 999 Never\r\n\r\n"),
]
ROWS = "call_id,start_time,answer_time,end_time,caller,callee\n" \
       "1,2026-01-01T11:00:00Z,2026-01-01T11:00:05Z,2026-01-01T11:01:00Z,+442079460001,+447700900001\n" \
       "2,2026-01-01T11:00:00Z,,2026-01-01T11:00:30Z,+442079460001,+447700900002\n" \
       "3,2026-01-01T11:00:00Z,,never,+442079460001,+447700900003\n"


def run(program, *files):
    done = subprocess.run([program, "inspect", "--json", *map(str, files)], capture_output=True,
                          text=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def expect(what, found, want):
    if found != want:
        print(f"{what}: {found!r} instead of {want!r}")
    return found != want


def check(program, folder):
    whole = folder / "call.dat"
    whole.write_bytes(pcap(CALL))
    cut = folder / "others.dat"
    cut.write_bytes(gzip.compress(pcap(OTHERS + CALL[:1])[:-1]))
    rows = folder / "rows.pcap"
    rows.write_text(ROWS)
    junk = folder / "junk.csv"
    junk.write_bytes(b"\0\1\2\3")

    status, report, _ = run(program, whole, cut, rows)
    bad = expect("status", status, 0)
    packets = CALL + OTHERS
    want = {
        "inputs": [
            {"file": str(whole), "kind": "pcap", "linktype": "EN10MB", "truncated": False},
            {"file": str(cut), "kind": "pcap", "linktype": "EN10MB", "truncated": True},
            {"file": str(rows), "kind": "csv", "linktype": None, "truncated": False},
        ],
        "packets": len(packets),
        "first": report["first"],
        "last": "2026-01-01T12:00:07.500Z",
        "sip": {
            "messages": 8, "requests": 5, "responses": 3,
            "by_method": {"BYE": 1, "INVITE": 1, "OPTIONS": 2, "OpTIONS": 1},
            "by_code": {"180": 1, "200": 2},
            "call_ids": 2,
        },
        "calls": {"total": 3, "answered": 2},
        "records": 3,
        "refused": {"packet_truncated": 1, "not_ip": 1, "not_sip": 1, "keepalive": 1,
                    "sip_no_call_id": 1, "sip_status": 1, "cdr_bad_time": 1},
    }
    bad += expect("members", sorted(report), sorted([*want, "bytes"]))
    for name, value in want.items():
        bad += expect(name, report.get(name), value)
    bad += expect("bytes", report["bytes"] >= sum(map(len, packets)), True)

    status, report, complaint = run(program, junk, whole)
    bad += expect("status with junk", status, 1)
    bad += expect("complaint", str(junk) in complaint, True)
    bad += expect("packets beside junk", report["packets"], len(CALL))
    return bad


def main():
    with tempfile.TemporaryDirectory() as folder:
        return 1 if check(sys.argv[1], pathlib.Path(folder)) else 0


sys.exit(main())
