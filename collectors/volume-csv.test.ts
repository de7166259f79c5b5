import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { createRandom } from '../core/random.ts';
import { formatInstant } from '../core/time.ts';
import { readBytes } from './read-file.ts';
import { readVolumeCsv } from './volume-csv.ts';

const folder = mkdtempSync(join(tmpdir(), 'foreshock-volume-'));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, bytes: Uint8Array | string): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

const random = createRandom('volume-csv');
const text = `ts,volume\n${Array.from(
  { length: 4_000 },
  (_, index) => `${formatInstant(index * 60_000)},${Math.floor(random.next() * 1e6)}\n`,
).join('')}`;
const packed = gzipSync(text);

it('reads a file plain or packed, known by its bytes and not by its name, and hashes what it read', async () => {
  const plain = await readVolumeCsv(write('plain.csv.gz', text));
  expect(await readVolumeCsv(write('packed.csv', packed))).toEqual(plain);
  expect(plain.rowCount).toBe(4_000);
  expect(plain.sha256).toBe(createHash('sha256').update(text).digest('hex'));
});

it('reads all members of a gzip file', async () => {
  const half = text.indexOf('\n', text.length / 2) + 1;
  const members = Buffer.concat([gzipSync(text.slice(0, half)), gzipSync(text.slice(half))]);
  expect((await readVolumeCsv(write('members.csv.gz', members))).rowCount).toBe(4_000);
});

describe('a packed file that is not whole', () => {
  it('is refused wherever it is cut', async () => {
    const messages = new Set<string>();
    for (let cut = 0; cut < 200; cut++) {
      // The first cuts lie in the header of ten bytes, the others anywhere, the last one byte before the end.
      const length = cut < 12 ? cut : Math.floor(((cut - 11) / 188) * (packed.length - 1));
      const path = write('cut.csv.gz', packed.subarray(0, length));
      const error: unknown = await readVolumeCsv(path).catch((reason: unknown) => reason);
      expect(error, `cut at ${length}`).toMatchObject({ name: 'InputError' });
      messages.add((error as Error).message.slice(path.length).replace(/\d+/g, 'N'));
    }
    expect([...messages].sort()).toEqual([
      ': is empty; a history is CSV with the columns ts and volume',
      ': the gzip data are cut short, N bytes came out; copy the file again',
      expect.stringContaining(':N: no column ts in the header'), // one byte is not yet gzip
    ]);
  });

  it.each([
    [
      'a changed byte',
      Buffer.concat([packed.subarray(0, 5_000), Buffer.of(packed[5_000]! ^ 0xff), packed.subarray(5_001)]),
    ],
    ['a wrong checksum', Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)])],
    ['something after its end', Buffer.concat([packed, Buffer.from('ts,volume')])],
  ])('is refused with %s', async (_, bytes) => {
    await expect(readVolumeCsv(write('corrupt.csv.gz', bytes))).rejects.toMatchObject({ code: 'gzip-corrupt' });
  });
});

it.each([
  ['that is not there', 'missing.csv', 'no such file'],
  ['that is a folder', '', 'is a folder, not a file'],
  ['below a file', 'plain.csv.gz/x', 'no such file'],
])('refuses a path %s', async (_, name, words) => {
  write('plain.csv.gz', text);
  const path = join(folder, name);
  await expect(readVolumeCsv(path)).rejects.toMatchObject({ code: 'file-unreadable', message: `${path}: ${words}` });
});

it('tells how far it is, and stops when asked', async () => {
  const path = write('packed.csv.gz', packed);
  const seen: number[] = [];
  await readVolumeCsv(path, { onProgress: ({ byteCount, byteCountTotal }) => seen.push(byteCount / byteCountTotal) });
  expect(seen.at(-1)).toBe(1);

  const controller = new AbortController();
  const reading = readVolumeCsv(path, { signal: controller.signal, onProgress: () => controller.abort('enough') });
  await expect(reading).rejects.toBe('enough');
});

// What was read already could still unpack to a thousand times its size.
it('stops between two chunks of one packed piece', async () => {
  const controller = new AbortController();
  const chunks = readBytes(write('zeros.gz', gzipSync(Buffer.alloc(2 ** 21))), { signal: controller.signal });
  expect((await chunks.next()).done).toBe(false);
  controller.abort('enough');
  await expect(chunks.next()).rejects.toBe('enough');
});
