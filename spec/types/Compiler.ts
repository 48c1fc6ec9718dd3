/** Runs the TypeScript compiler of this project on fixtures, with the project's own options. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

/** All that tsc printed. Files are paths from the project's root, or texts that are written to a temporary file there. */
export const compile = async (
  files: readonly (string | { readonly text: string })[],
  flags: readonly string[] = [],
): Promise<string> => {
  const folder = await mkdtemp(join(root, 'node_modules/.types-'));
  try {
    const paths = await Promise.all(
      files.map(async (f, i) => {
        if (typeof f === 'string') return join(root, f);
        const path = join(folder, `fixture${i}.ts`);
        await writeFile(path, f.text.replaceAll("'#src/", `'${relative(folder, join(root, 'src'))}/`));
        return path;
      }),
    );
    const config = join(folder, 'tsconfig.json');
    await writeFile(
      config,
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: { noUnusedLocals: false },
        files: paths,
        include: [],
        exclude: [],
      }),
    );
    const options = ['-p', config, '--pretty', 'false', '--noErrorTruncation', ...flags];
    return await new Promise<string>((done) =>
      execFile(
        process.execPath,
        [tsc, ...options],
        { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 },
        (_, stdout, stderr) => done(`${stdout}${stderr}`),
      ),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
};

/** A type, and what it should be: `'DenseOut<["batch", 3], 4>'` and `'["batch", 4]'`. */
export interface TypeCase {
  readonly type: string;
  readonly expected: string;
}

/** The cases whose type is another, with what the compiler says, and what else it prints. `imports` are lines of code. */
export const disagreements = async (imports: string, cases: readonly TypeCase[]) => {
  const header = `
import type { Eq } from '../../spec/types/Eq.ts';
${imports.trim()}
type Same<A, B> = Eq<A, B> extends true ? true : { got: A; want: B };
declare const same: <_ extends true>() => void;
`;
  const text = `${header}${cases.map((c) => `same<Same<${c.type}, ${c.expected}>>();`).join('\n')}\n`;
  const printed = await compile([{ text }]);
  const first = header.split('\n').length;
  const wrong = [...printed.matchAll(/fixture0\.ts\((\d+),\d+\): error (.*)/g)].map(([, line, message]) => ({
    case: cases[Number(line) - first] ?? line,
    message,
  }));
  return { wrong, printed };
};

/** A size unknown to the compiler may be known at run time, so it lets pass what the function on values must refuse. */
export const leftToRunTime = ({ type, expected }: TypeCase): boolean =>
  type.includes('number') && expected.includes('no fixed size');
