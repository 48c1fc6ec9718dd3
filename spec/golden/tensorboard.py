"""Event files as Google's protobuf library writes them, for spec/format/TensorBoard.spec.ts.

The messages are declared here by hand after TensorFlow's published event.proto, summary.proto, histogram.proto, graph.proto
and node_def.proto; the checksum is a bitwise CRC-32C that shares nothing with the one under test.

    python3 spec/golden/tensorboard.py > spec/golden/tensorboard.json
    python3 spec/golden/tensorboard.py read FILE    # what an event file says, as JSON lines

Needs python3-protobuf.
"""
import json
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format

try:
    from google.protobuf.message_factory import GetMessageClass
except ImportError:
    from google.protobuf.message_factory import MessageFactory

    def GetMessageClass(descriptor):
        return MessageFactory().GetPrototype(descriptor)


F = descriptor_pb2.FieldDescriptorProto
TYPES = {
    "double": F.TYPE_DOUBLE,
    "float": F.TYPE_FLOAT,
    "int64": F.TYPE_INT64,
    "int32": F.TYPE_INT32,
    "string": F.TYPE_STRING,
    "bytes": F.TYPE_BYTES,
}
SCHEMA = {
    "Histogram": [
        ("min", 1, "double"),
        ("max", 2, "double"),
        ("num", 3, "double"),
        ("sum", 4, "double"),
        ("sum_squares", 5, "double"),
        ("bucket_limit", 6, "repeated double"),
        ("bucket", 7, "repeated double"),
    ],
    "Value": [
        ("tag", 1, "string"),
        ("simple_value", 2, "oneof float"),
        ("histo", 5, "oneof Histogram"),
    ],
    "Summary": [("value", 1, "repeated Value")],
    "Node": [("name", 1, "string"), ("op", 2, "string"), ("input", 3, "repeated string"), ("device", 4, "string")],
    "Version": [("producer", 1, "int32"), ("min_consumer", 2, "int32")],
    "Graph": [("node", 1, "repeated Node"), ("versions", 4, "Version")],
    "Event": [
        ("wall_time", 1, "double"),
        ("step", 2, "int64"),
        ("file_version", 3, "oneof string"),
        ("graph_def", 4, "oneof bytes"),
        ("summary", 5, "oneof Summary"),
    ],
}


def classes():
    file = descriptor_pb2.FileDescriptorProto(name="events.proto", package="tb", syntax="proto3")
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        if any("oneof" in kind for _, _, kind in fields):
            message.oneof_decl.add(name="what")
        for field, number, kind in fields:
            *marks, base = kind.split()
            f = message.field.add(name=field, number=number)
            f.label = F.LABEL_REPEATED if "repeated" in marks else F.LABEL_OPTIONAL
            if "oneof" in marks:
                f.oneof_index = 0
            if base in TYPES:
                f.type = TYPES[base]
            else:
                f.type = F.TYPE_MESSAGE
                f.type_name = f".tb.{base}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"tb.{name}")) for name in SCHEMA}


C = classes()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def record(data):
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked(head)) + data + struct.pack("<I", masked(data))


def version(seconds):
    return C["Event"](wall_time=seconds, file_version="brain.Event:2")


def summary(seconds, step, values):
    event = C["Event"](wall_time=seconds, step=step)
    event.summary.SetInParent()
    for tag, value in values:
        v = event.summary.value.add(tag=tag)
        if isinstance(value, dict):
            v.histo.CopyFrom(C["Histogram"](**value))
        else:
            v.simple_value = value
    return event


def graph(seconds, nodes):
    definition = C["Graph"]()
    for name, op, inputs in nodes:
        definition.node.add(name=name, op=op, input=inputs)
    definition.versions.producer = 22
    return C["Event"](wall_time=seconds, graph_def=definition.SerializeToString(deterministic=True))


def golden():
    histogram = {
        "min": -1.5,
        "max": 2.0,
        "num": 4.0,
        "sum": 0.0,
        "sum_squares": 6.75,
        "bucket_limit": [-0.5, 0.0, 2.0],
        "bucket": [2.0, 0.0, 2.0],
    }
    scalars = [("epoch_loss", 0.25), ("epoch_zero", 0.0), ("epoch_minus_zero", -0.0), ("größe/α", 1e-20)]
    cases = [
        ({"_tag": "Version", "seconds": 1700000000.5}, version(1700000000.5)),
        (
            {
                "_tag": "Summary",
                "seconds": 1700000001.25,
                "step": 0,
                "values": [{"_tag": "Scalar", "tag": t, "value": v} for t, v in scalars],
            },
            summary(1700000001.25, 0, scalars),
        ),
        (
            {
                "_tag": "Summary",
                "seconds": 0,
                "step": 5_000_000_000,
                "values": [
                    {
                        "_tag": "Histogram",
                        "tag": "dense/kernel/histogram",
                        "histogram": {
                            "min": -1.5,
                            "max": 2,
                            "num": 4,
                            "sum": 0,
                            "sumSquares": 6.75,
                            "limits": [-0.5, 0, 2],
                            "counts": [2, 0, 2],
                        },
                    }
                ],
            },
            summary(0, 5_000_000_000, [("dense/kernel/histogram", histogram)]),
        ),
        (
            {
                "_tag": "Graph",
                "seconds": 3,
                "nodes": [
                    {"name": "input", "op": "Input", "inputs": []},
                    {"name": "block/dense", "op": "Dense", "inputs": ["input"]},
                    {"name": "add", "op": "Add", "inputs": ["input", "block/dense"]},
                ],
            },
            graph(3, [("input", "Input", []), ("block/dense", "Dense", ["input"]), ("add", "Add", ["input", "block/dense"])]),
        ),
        ({"_tag": "Summary", "seconds": 1, "step": 3, "values": []}, summary(1, 3, [])),
    ]
    checks = [b"", b"123456789", bytes(32), bytes([255] * 32), bytes(range(32)), bytes(range(31, -1, -1))]
    return {
        "checksums": [{"bytes": data.hex(), "crc32c": crc32c(data), "masked": masked(data)} for data in checks],
        "events": [
            {"event": event, "record": record(proto.SerializeToString(deterministic=True)).hex()}
            for event, proto in cases
        ],
    }


def read(path):
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        body = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 8)[0] == masked(data[at : at + 8]), f"length at {at}"
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(body), f"record at {at}"
        event = C["Event"].FromString(body)
        assert event.SerializeToString(deterministic=True) == body, f"not as protobuf writes it, at {at}"
        print(json_format.MessageToJson(event, indent=None))
        if event.graph_def:
            print(json_format.MessageToJson(C["Graph"].FromString(event.graph_def), indent=None))
        at += 16 + length


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "read":
        read(sys.argv[2])
    else:
        json.dump(golden(), sys.stdout, indent=1, ensure_ascii=False)
        print()
