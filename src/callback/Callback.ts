/**
 * Callbacks: values that watch a run and steer it, composed with `pipe`.
 *
 * A callback is an effectful Mealy machine over the events of a run (`Machine`): for each event it gives its next state
 * and directives, such as a new learning rate, a save, or a halt. Applied to a run, it gives the run with the callback
 * attached. So callbacks compose (a monoid: `concat`, `empty`), are tested by feeding events (`simulate`), leak nothing
 * from one run into the next, and can be resumed: their states are part of a checkpoint.
 *
 * @example
 * pipe(
 *   T.fit(objective, { data, validation, epochs: 35, batchSize: 128 }),
 *   C.reduceLROnPlateau({ monitor: 'val_loss', factor: 0.1, patience: 3 }),
 *   C.modelCheckpoint('best.safetensors', { monitor: 'val_loss', saveBestOnly: true }),
 *   C.earlyStopping({ monitor: 'val_loss', patience: 8 }),
 *   T.run,
 * )
 */
export * from './Attach.ts';
export * from './BackupAndRestore.ts';
export * from './CallbackError.ts';
export * from './CsvLogger.ts';
export * from './Custom.ts';
export * from './EarlyStopping.ts';
export { eventJson, type Json, type JsonObject } from './EventJson.ts';
export * from './HistoryLogger.ts';
export * from './JsonlLogger.ts';
export * from './LearningRateFinder.ts';
export * from './LearningRateScheduler.ts';
export type { Answer, Machine } from './Machine.ts';
export * from './ModelCheckpoint.ts';
export type { Mode } from './Monitor.ts';
export * from './Norms.ts';
export * from './Progress.ts';
export { type Suggestions, suggested } from './RangeTest.ts';
export * from './ReduceLROnPlateau.ts';
export * from './Remote.ts';
export type { Probe, Resumption, Run } from './Run.ts';
export { float, maybe, transient } from './StateCodec.ts';
export * from './TensorBoard.ts';
export * from './TerminateOnNaN.ts';
export * from './Timing.ts';
export * from './Unfreeze.ts';
export * from './WeightAveraging.ts';
