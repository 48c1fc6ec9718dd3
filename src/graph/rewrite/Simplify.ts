/**
 * A graph that computes the same with less, on any provider: what gradients of compositions leave behind is put in order.
 *
 * Law: the outputs are those of the given graph up to rounding.
 */
import { flow } from 'fp-ts/lib/function.js';
import { reductions } from './Reductions.ts';
import { rewrite } from './Rewrite.ts';
import { shared } from './Shared.ts';

export const simplify = flow(rewrite(reductions), shared);
