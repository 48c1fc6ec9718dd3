/** What the examples share: where files go, what a smoke run is, and how a program is run and its error shown. */

import { pipe } from 'fp-ts/lib/function.js';
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js';
import * as TE from 'fp-ts/lib/TaskEither.js';
import { Environment } from 'grad-ts';

/** Checkpoints and exported files go here. */
export const outputFolder = 'out';

/** With GRAD_TS_SMOKE=1 an example does everything, on little data. */
export const smoke = process.env.GRAD_TS_SMOKE === '1';

export const say = (text: string) => RTE.fromIO(() => console.log(text));

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** Runs a program on this machine; an error is printed and becomes the exit code. */
export const main = <E extends { readonly message: string }, A>(
  program: RTE.ReaderTaskEither<Environment.NodeEnvironment, E, A>,
): Promise<void> => {
  const start = performance.now();
  const environment = Environment.node()();
  return pipe(
    program(environment),
    TE.match(
      (error) => {
        console.error(error.message);
        process.exitCode = 1;
      },
      () => console.log(`done in ${((performance.now() - start) / 1000).toFixed(0)} s`),
    ),
  )();
};
