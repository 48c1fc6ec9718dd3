/** Without the optional package, decoding is an error value that says what to install. */
import { expect, it, vi } from 'vitest';
import { decodeImage } from '../../../src/data/image/Decode.ts';
import { expectError } from '../support.ts';

vi.mock('sharp', () => {
  throw new Error("Cannot find package 'sharp'");
});

it('says what to install, each time', async () => {
  for (let i = 0; i < 2; i++)
    expectError(await decodeImage(new Uint8Array(4))(), 'MissingPeer', 'sharp', 'npm install sharp');
  expect.assertions(6);
});
