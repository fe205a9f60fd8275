"""Writes files as Docs/NativeFormat.md says: what the scripts under Tests give to resect.

usage: import it
"""
import json
import struct
import zlib


def write(path, members, entries, version=1):
    """Writes a file of `members` and of a tensor for each of `entries`: its payload and what its entry says beside where that lies."""
    payloads, tensors = b"", []
    for payload, entry in entries:
        padded = payload + bytes(-len(payload) % 64)
        tensors.append(entry | {"offset": 64 + len(payloads), "length": len(payload), "crc32": f"{zlib.crc32(padded):08x}"})
        payloads += padded
    header = json.dumps(members | {"provenance": {"sources": [], "surgeries": []}, "tensors": tensors}).encode()
    prelude = b"\x89RSCT\r\n\x1a" + struct.pack("<IIQQQI16x", version, 0, 64 + len(payloads) + len(header), 64 + len(payloads),
                                                len(header), zlib.crc32(header))
    path.write_bytes(prelude + struct.pack("<I", zlib.crc32(prelude)) + payloads + header)
