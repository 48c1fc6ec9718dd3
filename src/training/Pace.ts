/**
 * How many steps one call of the runtime makes. Long calls pay for themselves, short ones keep a run live: events are told and
 * directives carried out between them. Results do not depend on it.
 */

/** The last call: its steps, and its milliseconds in the runtime. */
export interface Call {
  readonly steps: number;
  readonly milliseconds: number;
}

/** Milliseconds that a call should take. */
const shortest = 300;
const longest = 2000;

/**
 * Each call brings the state out of the runtime's memory, whatever its steps: some 0.8 ms a million bytes where memory for it is new to
 * the process (less where it was kept, more on some machines). That should be no more than a fiftieth of the call.
 */
const millisecondsOf = (stateBytes: number): number => (0.8 * stateBytes) / 1e6;

/** Milliseconds that a call should take that brings out so many bytes. */
export const target = (stateBytes: number): number =>
  Math.min(Math.max(shortest, 50 * millisecondsOf(stateBytes)), longest);

/**
 * Steps of the next call, of so many to go. The first calls also pay for onnxruntime's warming up: they grow by steps. Later ones share
 * what is left evenly: a call of a few steps costs what a long one does.
 */
export const next = (stateBytes: number, last: Call | undefined, left: number): number => {
  if (last === undefined) return 1;
  const perStep = Math.max(last.milliseconds / last.steps, 0.01);
  const fit = Math.max(1, Math.round(target(stateBytes) / perStep));
  const share = Number.isFinite(left) ? Math.ceil(left / Math.max(1, Math.round(left / fit))) : fit;
  return Math.min(share, last.steps * 8);
};
