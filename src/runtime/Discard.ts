/** Letting go of memory. */

const { port1: nowhere } = new MessageChannel();
nowhere.close();

/**
 * Takes the memory of arrays now, not when V8 comes to collect it: of so many megabytes it sees a few objects, and does not hurry. What
 * is sent to a closed port is gone. The arrays are left empty; those that have only a part of some memory keep it.
 */
export const discard = (arrays: readonly ArrayBufferView[]): void => {
  const buffers = arrays.flatMap(({ buffer, byteLength }) =>
    buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [],
  );
  nowhere.postMessage(undefined, [...new Set(buffers)]);
};
