/**
 * Events as JSON, for log files and for other programs. NaN and the infinities, which JSON lacks, are the strings "NaN",
 * "Infinity" and "-Infinity"; of weights there are the shapes alone.
 */
import type { Event } from '../training/Event.ts';
import { float } from './StateCodec.ts';

export type Json =
  | null
  | boolean
  | number
  | string
  | ReadonlyArray<Json>
  | { readonly [key: string]: Json | undefined };

export type JsonObject = { readonly [key: string]: Json };

/** Anything as JSON would have it, with the numbers that it lacks. */
const json = (value: unknown): Json | undefined => {
  switch (typeof value) {
    case 'number':
      return float.encode(value);
    case 'string':
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : Array.isArray(value) ? value.map((one) => json(one) ?? null) : fields(value);
    default:
      return undefined;
  }
};

const fields = (value: object): JsonObject =>
  Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) => {
      const encoded = json(one);
      return encoded === undefined ? [] : [[name, encoded] as const];
    }),
  );

/** The event's fields under their names, and its kind as `event`; what a checkpoint keeps is not in it. */
export const eventJson = (event: Event): JsonObject => {
  const { _tag, ...rest } = event;
  switch (event._tag) {
    case 'RunStarted': {
      const { callbackStates: _states, ...shown } = rest as Omit<typeof event, '_tag'>;
      return { event: _tag, ...fields(shown) };
    }
    case 'WeightsRead': {
      const shapes = Object.fromEntries(Object.entries(event.weights).map(([name, { shape }]) => [name, [...shape]]));
      return { event: _tag, ...fields({ ...rest, weights: shapes }) };
    }
    default:
      return { event: _tag, ...fields(rest) };
  }
};
