/** A series of values as the command line takes it: `timestamp,value`, plain or gzip, one row a value, in the order in which they came. */
import { InputError } from '../core/errors.ts';
import { readBytes, type ReadBytesOptions } from './read-file.ts';

export interface SeriesRow {
  /** As it stands in the file: it is carried along, and not computed with. */
  readonly timestamp: string;
  readonly value: number;
}

const lineCharsMax = 1_000;

/**
 * Rows one by one, so that a file of any length is judged in the memory of one line.
 *
 * @throws InputError naming the line, when it is no `timestamp,value`, or too long.
 */
export async function* readSeriesCsv(path: string, options: ReadBytesOptions = {}): AsyncGenerator<SeriesRow> {
  let lineNumber = 0;
  for await (const line of readLines(path, options)) {
    lineNumber++;
    if (lineNumber === 1) {
      if (line !== 'timestamp,value')
        throw new InputError('series', `${path} line 1: expected the header timestamp,value`);
      continue;
    }
    if (line === '') continue;
    const comma = line.indexOf(',');
    const text = line.slice(comma + 1).trim();
    const value = text === '' ? NaN : Number(text);
    if (comma < 1 || !Number.isFinite(value))
      throw new InputError('series', `${path} line ${lineNumber}: expected a timestamp, a comma and a number`);
    yield { timestamp: line.slice(0, comma), value };
  }
  if (lineNumber === 0) throw new InputError('series', `${path} is empty: expected the header timestamp,value`);
}

async function* readLines(path: string, options: ReadBytesOptions): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of readBytes(path, options)) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield trimReturn(line, path);
    if (rest.length > lineCharsMax) trimReturn(rest, path);
  }
  if (rest !== '') yield trimReturn(rest, path);
}

function trimReturn(line: string, path: string): string {
  if (line.length > lineCharsMax)
    throw new InputError(
      'series',
      `${path}: a line is longer than ${lineCharsMax} characters: this is no timestamp,value`,
    );
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
