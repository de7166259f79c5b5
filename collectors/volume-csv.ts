/**
 * Volume history from a CSV file, plain or gzip, as a stream.
 */
import { readBytes } from './read-file.ts';
import { createVolumeParser, type VolumeHistory, type VolumeParserOptions } from './volume-parser.ts';

export type { VolumeHistory } from './volume-parser.ts';

export interface ReadVolumeOptions extends Omit<VolumeParserOptions, 'name'> {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: VolumeProgress) => void;
}

export interface VolumeProgress {
  /** Bytes as they lie in the file; their total is 0 where the system does not know it (a pipe). */
  readonly byteCount: number;
  readonly byteCountTotal: number;
  readonly lineCount: number;
}

/**
 * Reads `ts,volume` rows (UTC bucket starts) into a regular series, NaN where no row was.
 * Memory: eight bytes a bucket of the covered span and a few chunks, whatever the length of the file.
 *
 * @throws InputError, one line that names the file and, where there is one, the line: cannot be read, gzip cut short or corrupt, and what
 * `createVolumeParser` refuses.
 * @throws the signal's reason when aborted.
 */
export async function readVolumeCsv(path: string, options: ReadVolumeOptions = {}): Promise<VolumeHistory> {
  const { signal, onProgress, ...bounds } = options;
  const parser = createVolumeParser({ name: path, ...bounds });
  const onRead = (byteCount: number, byteCountTotal: number): void =>
    onProgress?.({ byteCount, byteCountTotal, lineCount: parser.lineCount });
  for await (const chunk of readBytes(path, { signal, onRead })) parser.push(chunk);
  return parser.end();
}
