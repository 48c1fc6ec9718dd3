/** What an ONNX file says of its inputs and outputs. */
import * as E from 'fp-ts/lib/Either.js';
import { pipe } from 'fp-ts/lib/function.js';
import { decode } from '../onnx/Decode.ts';
import type { OnnxError } from '../onnx/OnnxError.ts';
import type { ValueInfoProto } from '../onnx/proto/onnx_pb.ts';
import type { DType } from '../shape/NdArray.ts';
import { type AnyShape, type Dim, unknown } from '../shape/Shape.ts';

export interface FilePort {
  readonly name: string;
  /** `undefined`: one that pipelines cannot give. */
  readonly dtype: DType | undefined;
  /** With the batch; `undefined` where the file says nothing. */
  readonly shape: readonly Dim[] | undefined;
}

/** TensorProto.DataType. */
const types: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  6: 'int32',
  7: 'int64',
  11: 'float64',
};

const portOf = ({ name, type }: ValueInfoProto): FilePort => {
  if (type?.value.case !== 'tensorType') return { name, dtype: undefined, shape: undefined };
  const { elemType, shape } = type.value.value;
  return {
    name,
    dtype: types[elemType],
    shape: shape?.dim.map((d) =>
      d.value.case === 'dimValue' ? Number(d.value.value) : (d.value.value as string | undefined) || unknown,
    ),
  };
};

export interface FilePorts {
  readonly inputs: readonly FilePort[];
  readonly outputs: readonly FilePort[];
}

/** Old files list their weights among the inputs; those are not meant. */
export const portsOf = (bytes: Uint8Array): E.Either<OnnxError, FilePorts> =>
  pipe(
    decode(bytes),
    E.map(({ graph }) => {
      const weights = new Set(graph?.initializer.map((i) => i.name));
      return {
        inputs: (graph?.input ?? []).filter((i) => !weights.has(i.name)).map(portOf),
        outputs: (graph?.output ?? []).map(portOf),
      };
    }),
  );

/** The file's port for a declared shape of one sample, or what is wrong with it. A fixed size of the batch other than 1 is wrong. */
export const matching = (
  what: 'input' | 'output',
  ports: readonly FilePort[],
  name: string,
  shape: AnyShape,
): E.Either<string, FilePort> => {
  const port = ports.find((p) => p.name === name);
  const given = 'int' in shape ? shape.int : shape;
  const list = ports.map((p) => `'${p.name}'`).join(', ');
  if (port === undefined) return E.left(`the file has no ${what} '${name}'; it has ${list}`);
  if (port.dtype === undefined)
    return E.left(`the file's ${what} '${name}' has an element type that pipelines do not have`);
  const whole = port.dtype.includes('int');
  const wrong =
    (what === 'input' && whole !== 'int' in shape) ||
    (port.shape !== undefined &&
      (port.shape.length !== given.length + 1 ||
        port.shape.slice(1).some((d, i) => typeof d === 'number' && typeof given[i] === 'number' && d !== given[i])));
  const has = `${port.dtype}[${port.shape?.join(',') ?? '...'}]`;
  return wrong
    ? E.left(
        `${what} '${name}': ${'int' in shape ? 'int32' : ''}[batch,${given.join(',')}] was declared, the file has ${has}`,
      )
    : E.right(port);
};
