/**
 * The module that `readImages`, `augmented` and `mixed` run in worker threads. It reads files by Node itself, since a file system of functions cannot be sent to
 * a thread.
 */
import { nodeFileSystem } from '../../format/FileSystem.ts';
import { answer, answerBatch, type Request } from './Request.ts';

/** An `Either`, which is plain data. */
export default (request: Request) =>
  request._tag === 'File' ? answer(request)({ fileSystem: nodeFileSystem })() : answerBatch(request);
