/**
 * What the parent asks of the processes that are timed, and what they answer: one JSON text a line. Each process says
 * `Ready` first. Every side has a process of its own, so that memory and time are one workload's alone.
 */
export interface Request {
  readonly do: 'train' | 'evaluate' | 'predict' | 'machine';
  /** So long at least. */
  readonly seconds: number;
}

export interface Ready {
  /** Trained numbers of the model. */
  readonly parameters: number;
  /** Of the library, if it is not ours. */
  readonly version?: string;
}

/** In place of `Ready` or an `Answer`. */
export interface Failure {
  readonly error: string;
}

export interface Answer {
  /**
   * Milliseconds of a training step (of PyTorch's and ours the mean of each epoch: many steps of ours run in one call), or of
   * one pass over the data (`evaluate`, `predict`).
   */
  readonly samples: readonly number[];
  /** Resident memory of the process in MiB. */
  readonly resident: number;
}

/** Ours alone, in milliseconds. */
export interface OurAnswer extends Answer {
  /** Time in onnxruntime of each sample. */
  readonly inside: readonly number[];
  /** Opening of sessions of each sample. */
  readonly loading: readonly number[];
  /** Graphs built, encoded, optimised by us, data and weights handed over: from `compile` to the first epoch. */
  readonly building: number;
  /** Sessions created by onnxruntime before the first epoch. */
  readonly sessions: number;
  /** From the start of the process to the first epoch, without making random data. */
  readonly firstEpoch: number;
  /** GFLOP a second of MatMul; 0 where not asked. */
  readonly rate: number;
  /** Microseconds of a message between threads and its answer; 0 where not asked. */
  readonly apart: number;
}
