/** What onnxruntime writes of the operators that it ran: a file for each session. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as Runtime from '../../src/runtime/Runtime.ts';
import { f32, left, right, sums } from './support.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grad-ts-profile-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Entry {
  readonly cat: string;
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

const operators = (file: string): readonly (string | undefined)[] =>
  (JSON.parse(readFileSync(join(folder, file), 'utf8')) as readonly Entry[])
    .filter((e) => e.cat === 'Node')
    .map((e) => e.args.op_name);

const added = async (runtime: Runtime.Runtime): Promise<Runtime.Session> => {
  const session = right(await runtime.load(sums)());
  right(await session.run({ feeds: { x: f32(1), y: f32(2) } })());
  return session;
};

it('is there when a session is released, and of the others when the runtime is closed', async () => {
  const runtime = Runtime.node({ threads: 1, profile: join(folder, 'run') })();
  const first = await added(runtime);
  await added(runtime);
  const of = (n: number) => readdirSync(folder).filter((name) => name.startsWith(`run.${n}_`));
  await first.release();
  expect(of(1)).toHaveLength(1);
  expect(operators(of(1)[0] as string)).toContain('Add');
  await runtime.close();
  expect(of(2)).toHaveLength(1);
  expect(operators(of(2)[0] as string)).toContain('Add');
  expect(readdirSync(folder)).toHaveLength(2);
});

it('is not written unasked', () => {
  expect(Runtime.sessionOptions({ profile: 'run' })).toMatchObject({ enableProfiling: true, profileFilePrefix: 'run' });
  expect(Runtime.sessionOptions({})).not.toHaveProperty('enableProfiling');
});

it('is written to a folder that was not there; where none can be made, there is no session', async () => {
  const made = Runtime.node({ threads: 1, profile: join(folder, 'a/b/run') })();
  await (await added(made)).release();
  await made.close();
  const files = readdirSync(join(folder, 'a/b'));
  expect(files).toHaveLength(1);
  const lost = Runtime.node({ threads: 1, profile: join(folder, 'a/b', files[0] as string, 'run') })();
  expect(left(await lost.load(sums)())).toMatchObject({
    stage: 'load',
    message: expect.stringContaining(files[0] as string),
  });
  await lost.close();
});
