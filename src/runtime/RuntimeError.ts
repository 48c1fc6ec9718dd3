/** What goes wrong in a runtime, as a value. */
export interface RuntimeError {
  readonly _tag: 'RuntimeError';
  /** What was being done: 'load', 'upload', 'run', ... */
  readonly stage: string;
  readonly message: string;
}

export const failure = (stage: string, message: string): RuntimeError => ({ _tag: 'RuntimeError', stage, message });

/** onnxruntime says how much it could not get in the middle of where it happened; what helps is said after that. */
export const withMend = (error: RuntimeError): RuntimeError =>
  /failed to allocate memory|bad_alloc|out of memory|allocation failed/i.test(error.message)
    ? failure(
        error.stage,
        `there is not enough memory: ${error.message.trim()}; take a smaller batchSize, with \`stepsPerRun: 1\` if that is not ` +
          'enough, or a smaller model; Program.estimate says how much training takes',
      )
    : error;
