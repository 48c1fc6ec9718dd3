"""Writes onnx-schema-versions.json from the package `onnx` (1.15 or later):
    python3 onnx-schema-versions.py > onnx-schema-versions.json

For each operator of the domain ai.onnx the versions of its schema that are in force in some opset from 13 to 20, newest
first: [since, types of its inputs, types of its outputs]. A type is the name of a type parameter ('T'), or a type where
that is fixed; '*' after the last says that it repeats.
"""
import json

import onnx
from onnx.defs import OpSchema, get_all_schemas_with_history

LOWEST, HIGHEST = 13, 20


def types(parameters):
    variadic = OpSchema.FormalParameterOption.Variadic
    return [p.type_str + ('*' if p.option == variadic else '') for p in parameters]


versions = {}
for schema in get_all_schemas_with_history():
    if schema.domain == '' and not schema.deprecated and schema.since_version <= HIGHEST:
        versions.setdefault(schema.name, {})[schema.since_version] = [types(schema.inputs), types(schema.outputs)]

print('{"source":' + json.dumps(f'onnx.defs of the Python package onnx {onnx.__version__}') + ',')
print('"operators":{')
lines = []
for name, known in sorted(versions.items()):
    lowest = max([v for v in known if v <= LOWEST], default=LOWEST)
    rows = [[v, *known[v]] for v in sorted(known, reverse=True) if v >= lowest]
    lines.append(json.dumps(name) + ':' + json.dumps(rows, separators=(',', ':')))
print(',\n'.join(lines))
print('}}')
