/**
 * Properties draw the same cases on every run, so that a change is judged by itself: a failure is the change's. Other cases:
 * `PROPERTY_SEED=2 npm test`.
 */
import * as fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });
