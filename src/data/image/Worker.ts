/**
 * The module that `readImages` runs in worker threads. It reads files by Node itself, since a file system of functions cannot be sent to
 * a thread.
 */
import { nodeFileSystem } from '../../format/FileSystem.ts';
import { answer, type Request } from './Request.ts';

/** An `Either`, which is plain data. */
export default (request: Request) => answer(request)({ fileSystem: nodeFileSystem })();
