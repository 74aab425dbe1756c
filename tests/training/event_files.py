"""A reader of TensorBoard's event files that shares no code with the writer."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorboardX.proto.event_pb2 import Event, SessionLog

POLYNOMIAL = 0x82F63B78
"""CRC-32C (Castagnoli), lowest bit first."""


def checksum(content: bytes) -> int:
    """The checksum of TFRecord: CRC-32C one bit at a time, rotated by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(content: bytes) -> Iterator[bytes]:
    """The complete records of a file; an incomplete one at its end is left out."""
    while len(content) >= 12:
        length, check = struct.unpack("<QI", content[:12])
        assert check == checksum(content[:8])
        body, rest = content[12 : 12 + length], content[12 + length :]
        if len(rest) < 4:
            return
        assert struct.unpack("<I", rest[:4])[0] == checksum(body)
        yield body
        content = rest[4:]


def events(run: Path) -> list[Any]:
    """All valid events of a run: the start of an invocation replaces those of its step and of later ones."""
    valid: list[Any] = []
    for file in sorted((run / "tensorboard").iterdir()):
        first, *others = map(Event.FromString, records(file.read_bytes()))
        assert first.file_version == "brain.Event:2"
        for event in others:
            if event.session_log.status == SessionLog.START:
                valid = [one for one in valid if one.step < event.step]
            else:
                valid.append(event)
    return valid


def curve(run: Path, tag: str) -> list[tuple[int, float]]:
    """Steps and values of a scalar."""
    return [
        (event.step, value.simple_value)
        for event in events(run)
        for value in event.summary.value
        if value.tag == tag
    ]


def texts(run: Path, name: str) -> list[tuple[int, str]]:
    """Steps and texts of a name, without the four spaces that keep a line as it is."""
    return [
        (event.step, "\n".join(line[4:] for line in value.tensor.string_val[0].decode().split("\n")))
        for event in events(run)
        for value in event.summary.value
        if value.tag == f"{name}/text_summary"
    ]
