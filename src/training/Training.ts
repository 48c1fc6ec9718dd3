/**
 * Training: an objective (`compile`), a run as a value (`fit`), the run itself (`run`), and what comes of it
 * (`evaluate`, `predict`, `loadWeights`, `exportOnnx`, ...).
 *
 * @example
 * pipe(
 *   T.fit(objective, { data: train, validation, epochs: 10, batchSize: 128 }),   // a stream of events, not started
 *   C.modelCheckpoint('best.safetensors', { saveBestOnly: true, saveWeightsOnly: true }),
 *   T.run,                                                                       // ReaderTaskEither<Env, TrainingError, Trained>
 *   RTE.chainW(T.loadWeights('best.safetensors')),
 *   RTE.chainW(T.evaluate(test)),
 * )
 */
export type {
  Clock,
  FileSystem,
  HasClock,
  HasFileSystem,
  HasInterrupts,
  HasTerminal,
  Interrupts,
  IoError,
  Terminal,
} from './Environment.ts';
export type { Direction, Directive, Event, Logs, Signal } from './Event.ts';
export type { ExportOptions, ExportTrainingOptions } from './Export.ts';
export { exportOnnx, exportTraining, toOnnx } from './Export.ts';
export type { Fit, Keys } from './Fit.ts';
export { fit } from './Fit.ts';
export type { FitStreamSettings } from './FitStream.ts';
export { fitStream } from './FitStream.ts';
export { interruptible } from './Interrupts.ts';
export type { Objective } from './Objective.ts';
export { compile } from './Objective.ts';
export type { Cursor, Halt, Position, Within } from './Position.ts';
export type { EvaluateOptions, PredictOptions } from './Predict.ts';
export { evaluate, predict } from './Predict.ts';
export { loadState, resume } from './Resume.ts';
export type { Environment } from './Run.ts';
export { run } from './Run.ts';
export type { FallbackOptions, FitSettings, Interruption, Resumption, Verbosity } from './Settings.ts';
export type { HasRun, ValidationFreq } from './Source.ts';
export type { Attached, Checkpoint, ProgramPlace, TrainState, Weights } from './State.ts';
export { fromEpochStart } from './State.ts';
export type { Trained } from './Trained.ts';
export { loadWeights, saveWeights, untrained, withWeights } from './Trained.ts';
export type { TrainingError } from './TrainingError.ts';
export { modelError, show as showError } from './TrainingError.ts';
