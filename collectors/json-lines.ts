/** JSON that lies in a file as one document or as one a line, plain or gzip; bounded, since whoever wrote it may have meant another file. */
import { InputError } from '../core/errors.ts';
import { readBytes } from './read-file.ts';

/** A line of 64 MiB is no line; the longest real ones (traces of 5,000 spans) are below 1 MiB. */
const lineLengthMax = 64 * 1024 * 1024;

export interface JsonLine {
  readonly value: unknown;
  /** Counted from 1. */
  readonly line: number;
}

/** @throws InputError naming the file and the line where it is not JSON, or too long. */
export async function* readJsonLines(path: string, signal?: AbortSignal): AsyncGenerator<JsonLine> {
  const decoder = new TextDecoder();
  let rest = '';
  let line = 0;
  let isOneDocument = false;
  for await (const bytes of readBytes(path, { signal })) {
    rest += decoder.decode(bytes, { stream: true });
    for (let at = rest.indexOf('\n'); at >= 0 && !isOneDocument; at = rest.indexOf('\n')) {
      const text = rest.slice(0, at).trim();
      const value = text === '' ? undefined : parse(text);
      if (value === undefined && text !== '') {
        // A document that is laid out over lines shows so in the first of them.
        if (line > 0) throw notJson(path, line + 1);
        isOneDocument = true;
        break;
      }
      line++;
      rest = rest.slice(at + 1);
      if (value !== undefined) yield { value: value.parsed, line };
    }
    if (rest.length > lineLengthMax)
      throw new InputError('json-length', `${path}: line ${line + 1}: longer than 64 MiB`);
  }
  rest += decoder.decode();
  if (rest.trim() === '') return;
  const value = parse(rest);
  if (value === undefined) throw notJson(path, line + 1);
  yield { value: value.parsed, line: line + 1 };
}

function parse(text: string): { readonly parsed: unknown } | undefined {
  try {
    return { parsed: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function notJson(path: string, line: number): InputError {
  return new InputError('json-syntax', `${path}: line ${line}: is not JSON`);
}
