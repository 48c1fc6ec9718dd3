/**
 * `node scripts/half-kernels.mjs` writes `src/graph/HalfKernels.ts`: which operators of opset 18 onnxruntime's providers
 * run on 16-bit floats, out of the tables in `spec/golden` (kernels of onnxruntime, versions of the operators' schemas).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const opset = 18;
const table = (name) => JSON.parse(readFileSync(new URL(`../spec/golden/${name}`, import.meta.url), 'utf8'));

/** Types of every parameter of a kernel for this version, if there is one: an open-ended range serves its first only. */
const typesOf = ({ since, until, types, older, other = {} }, version) => {
  const range = since.findIndex(
    (from, i) => version === from || (from <= version && until[i] !== null && version <= until[i]),
  );
  return range < 0 ? [] : [range > 0 ? (older ?? types) : types, ...Object.values(other)];
};

/** Every parameter that may be float32 may be of the type too, and at least one may. */
const takes = (kernel, version, half) => {
  const floating = typesOf(kernel, version).filter((types) => types.includes('float'));
  return floating.length > 0 && floating.every((types) => types.includes(half));
};

export const halfKernels = () => {
  const kernels = table('ort-kernels.json');
  const schemas = table('onnx-schema-versions.json').operators;
  const versionOf = (domain, operator) =>
    domain === 'ai.onnx' ? schemas[operator]?.find(([since]) => since <= opset)?.[0] : 1;
  const names = (provider, half) =>
    Object.entries(kernels[provider]).flatMap(([domain, operators]) =>
      Object.entries(operators).flatMap(([operator, kernel]) => {
        const version = versionOf(domain, operator);
        const found = version !== undefined && takes(kernel, version, half);
        return found ? [domain === 'ai.onnx' ? operator : `${domain}:${operator}`] : [];
      }),
    );
  return Object.fromEntries(
    ['cpu', 'cuda'].map((provider) => [
      provider,
      Object.fromEntries(['float16', 'bfloat16'].map((half) => [half, names(provider, half)])),
    ]),
  );
};

const lines = (names) => {
  const out = [];
  for (const name of names) {
    const last = out[out.length - 1];
    if (last !== undefined && last.length + name.length < 110) out[out.length - 1] = `${last} ${name}`;
    else out.push(name);
  }
  return out.map((line) => `      ${line}\n`).join('');
};

/** What `src/graph/HalfKernels.ts` must be. */
export const source = () => {
  const entries = Object.entries(halfKernels()).map(
    ([provider, halves]) =>
      `  ${provider}: {\n${Object.entries(halves)
        .map(([half, names]) => `    ${half}: operators(\`\n${lines(names)}    \`),\n`)
        .join('')}  },\n`,
  );
  return `/**
 * Which operators of opset ${opset} onnxruntime's providers have kernels of for 16-bit floats. Written by
 * \`scripts/half-kernels.mjs\` out of onnxruntime's own list of kernels; not edited by hand.
 */
import type { Half } from '../shape/Half.ts';

const operators = (names: string): ReadonlySet<string> => new Set(names.trim().split(/\\s+/));

/** By provider and type; operators that are not ai.onnx's after their domain and a colon. */
export const halfKernels: Readonly<Record<'cpu' | 'cuda', Readonly<Record<Half, ReadonlySet<string>>>>> = {
${entries.join('')}};
`;
};

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  writeFileSync(fileURLToPath(new URL('../src/graph/HalfKernels.ts', import.meta.url)), source());
