/**
 * Bytes of a volume history (`ts,volume`, one row a bucket) into a series, at the speed of the disk.
 *
 * Mental model: whole lines are read where they lie in the chunk, byte by byte; a row of the usual form (`2025-09-05T12:30:00Z,1234`)
 * never becomes a string. Whatever the fast reading does not know goes to the careful one, which says what is wrong with it.
 *
 * Counted, not fatal: a row that cannot be read or lies off the grid (named by line, up to ten), a bucket given twice (the last row wins),
 * a row before its predecessor. Fatal, because going on would hide that the file is not what it is taken for: no `ts` or `volume` column,
 * a negative volume, more than 1 % bad rows, a span beyond the limit, an endless line, no row at all.
 *
 * A row at or after `untilMs` is dropped as soon as its time is known: its volume is not read, and tells nothing, not even of a fault.
 */
import { createHash } from 'node:crypto';
import { InputError } from '../core/errors.ts';
import { parseInstant, type EpochMs } from '../core/time.ts';
import { showText, splitCsvLine } from './csv-fields.ts';
import { createVolumeRows, type VolumeHistory, type VolumeRowsOptions } from './volume-rows.ts';

export type { VolumeHistory } from './volume-rows.ts';

export interface VolumeParserOptions extends VolumeRowsOptions {
  /** Rows before this instant are dropped. */
  readonly fromMs?: EpochMs;
  /** Rows at or after this instant are dropped. */
  readonly untilMs?: EpochMs;
}

export interface VolumeParser {
  /** Lines read so far, the header included. */
  readonly lineCount: number;
  /** @throws InputError at the first thing that makes the whole file unusable. */
  push(chunk: Uint8Array): void;
  /** @throws InputError when what came is not a usable history. */
  end(): VolumeHistory;
}

const byteCountMax = 16 * 1024 ** 3;
const lineLengthMax = 4_096;
/** Doubles count every whole number to 9 × 10^15; sums over a history must stay exact too. */
const volumeMax = 1e15;

const volumePattern = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;

const [zero, comma, dash, dot, colon, newline, carriageReturn, letterT, letterZ] = [48, 44, 45, 46, 58, 10, 13, 84, 90];

/** Value of two bytes that are digits, else -1; indexed by the two bytes. One look instead of four comparisons. */
const pairValue = new Int8Array(65_536).fill(-1);
for (let value = 0; value < 100; value++)
  pairValue[((zero + Math.floor(value / 10)) << 8) | (zero + (value % 10))] = value;

const pairAt = (bytes: Uint8Array, at: number): number => pairValue[(bytes[at]! << 8) | bytes[at + 1]!]!;

const monthDayCounts = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const powersOfTen = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);

export function createVolumeParser(options: VolumeParserOptions): VolumeParser {
  const { name, fromMs = -Infinity, untilMs = Infinity } = options;
  const hash = createHash('sha256');
  const rows = createVolumeRows(options);
  let layout: Layout | undefined;
  /** The beginning of a line whose end has not come yet. */
  let carry: Uint8Array = new Uint8Array(0);
  let line = 0;
  let byteCount = 0;
  // Rows of one day follow one another: the day read last, as the number YYYYMMDD, and its start.
  let [dayNumber, dayMs] = [-1, NaN];

  const fail = (code: string, message: string): never => {
    throw new InputError(code, `${name}:${line}: ${message}`);
  };

  /** Start of the day `YYYY-MM-DD`; NaN when it is anything else, or from before the year 100, which Date.UTC would take for 19xx. */
  const dayMsAt = (bytes: Uint8Array, at: number): number => {
    const [century, yearOfCentury] = [pairAt(bytes, at), pairAt(bytes, at + 2)];
    const [month, day] = [pairAt(bytes, at + 5), pairAt(bytes, at + 8)];
    if ((century | yearOfCentury | month | day) < 0) return NaN;
    const year = century * 100 + yearOfCentury;
    const number = year * 10_000 + month * 100 + day;
    if (number !== dayNumber) {
      const isDay = year >= 100 && day >= 1 && day <= dayCountOf(year, month);
      dayMs = isDay ? Date.UTC(year, month - 1, day) : NaN;
      dayNumber = number;
    }
    return dayMs;
  };

  /** The careful reading of one line, given without its line break. */
  const readLine = (bytes: Uint8Array): void => {
    if (bytes.length > lineLengthMax)
      fail('history-line', `a line is longer than ${lineLengthMax} bytes; is this a CSV file?`);
    const text = decode(bytes);
    if (layout === undefined) {
      layout = readHeader(text, fail);
      return;
    }
    if (text === '') {
      rows.skip(line);
      return;
    }
    const fields = splitCsvLine(text);
    if (fields?.length !== layout.fieldCount) {
      const found = fields === undefined ? 'broken quotes' : `${fields.length} fields instead of ${layout.fieldCount}`;
      rows.reject(line, text, found);
      return;
    }
    const atMs = parseInstant(fields[layout.tsField]!.trim());
    if (atMs === undefined) {
      rows.reject(line, text, 'ts is not an ISO 8601 instant with its zone, such as 2025-09-05T12:30:00Z');
      return;
    }
    if (atMs < fromMs || atMs >= untilMs) {
      rows.drop();
      return;
    }
    const volumeText = fields[layout.volumeField]!.trim();
    const volume = volumePattern.test(volumeText) ? Number(volumeText) : NaN;
    if (volume < 0)
      fail(
        'history-negative',
        `volume ${showText(volumeText)} is negative; a volume counts requests, so it is 0 or more`,
      );
    if (volume <= volumeMax) rows.add(atMs, volume === 0 ? 0 : volume, line);
    else rows.reject(line, text, `volume is not a number from 0 to ${volumeMax}`);
  };

  /** Reads whole lines: `bytes[until - 1]` is a line break, so that no reading of digits runs past it. */
  const readLines = (bytes: Uint8Array, from: number, until: number): void => {
    let at = from;
    while (at < until) {
      line++;
      const next = layout?.isPlain ? readPlainRow(bytes, at, until) : -1;
      if (next >= 0) {
        at = next;
        continue;
      }
      const end = bytes.indexOf(newline, at);
      readLine(bytes.subarray(at, end > at && bytes[end - 1] === carriageReturn ? end - 1 : end));
      at = end + 1;
    }
  };

  /** Reads a row `YYYY-MM-DDTHH:MM:SSZ,digits[.digits]`; answers where the next line starts, or -1 when the row is anything else. */
  const readPlainRow = (bytes: Uint8Array, at: number, until: number): number => {
    if (until - at < 23 || bytes[at + 20] !== comma || bytes[at + 19] !== letterZ || bytes[at + 10] !== letterT)
      return -1;
    if (bytes[at + 4] !== dash || bytes[at + 7] !== dash || bytes[at + 13] !== colon || bytes[at + 16] !== colon)
      return -1;
    const [hour, minute, second] = [pairAt(bytes, at + 11), pairAt(bytes, at + 14), pairAt(bytes, at + 17)];
    if ((hour | minute | second) < 0 || hour > 23 || minute > 59 || second > 59) return -1;

    let end = at + 21;
    let digits = 0;
    let dotAt = -1;
    for (; ; end++) {
      const byte = bytes[end]!;
      if (byte >= zero && byte < zero + 10) digits = digits * 10 + (byte - zero);
      else if (byte === dot && dotAt < 0 && end > at + 21) dotAt = end;
      else break;
    }
    const digitCount = end - (at + 21) - (dotAt < 0 ? 0 : 1);
    const decimals = dotAt < 0 ? 0 : end - dotAt - 1;
    // To fifteen digits both the number and the power of ten are exact, so that their quotient is the nearest double.
    if (digitCount === 0 || digitCount > 15 || (dotAt >= 0 && decimals === 0)) return -1;
    if (bytes[end] === carriageReturn) end++;
    if (bytes[end] !== newline) return -1;

    const atMs = dayMsAt(bytes, at) + (hour * 3_600 + minute * 60 + second) * 1_000;
    if (Number.isNaN(atMs)) return -1;
    if (atMs < fromMs || atMs >= untilMs) rows.drop();
    else rows.add(atMs, decimals === 0 ? digits : digits / powersOfTen[decimals]!, line);
    return end + 1;
  };

  const keep = (rest: Uint8Array): void => {
    if (carry.length + rest.length > lineLengthMax + 1) {
      line++;
      fail('history-line', `a line is longer than ${lineLengthMax} bytes; is this a CSV file?`);
    }
    carry = carry.length === 0 ? Uint8Array.from(rest) : Buffer.concat([carry, rest]);
  };

  return {
    get lineCount() {
      return line;
    },
    push(chunk) {
      byteCount += chunk.length;
      if (byteCount > byteCountMax)
        fail('history-size', `more than ${byteCountMax / 1024 ** 3} GiB of CSV; split the file`);
      hash.update(chunk);
      let from = 0;
      const until = chunk.lastIndexOf(newline) + 1;
      if (until > 0 && carry.length > 0) {
        from = chunk.indexOf(newline) + 1;
        keep(chunk.subarray(0, from));
        const whole = carry;
        carry = new Uint8Array(0);
        readLines(whole, 0, whole.length);
      }
      readLines(chunk, from, until);
      if (until < chunk.length) keep(chunk.subarray(until));
    },
    end() {
      if (carry.length > 0) {
        // A last line without its line break is a line all the same.
        keep(Uint8Array.of(newline));
        readLines(carry, 0, carry.length);
      }
      if (layout === undefined)
        throw new InputError('history-empty', `${name}: is empty; a history is CSV with the columns ts and volume`);
      return { ...rows.finish(), sha256: hash.digest('hex') };
    },
  };
}

/** Days of a month; 0 where there is no such month. */
function dayCountOf(year: number, month: number): number {
  const isLeapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeapYear ? 29 : (monthDayCounts[month] ?? 0);
}

const decode = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

interface Layout {
  readonly fieldCount: number;
  readonly tsField: number;
  readonly volumeField: number;
  /** Exactly `ts,volume`: the form that the fast reading knows. */
  readonly isPlain: boolean;
}

function readHeader(text: string, fail: (code: string, message: string) => never): Layout {
  const names = (splitCsvLine(text.replace(/^\ufeff/, '')) ?? []).map((name) => name.trim());
  const found = `found ${showText(names.join(','))}`;
  for (const name of ['ts', 'volume']) {
    const count = names.filter((other) => other === name).length;
    if (count === 0)
      fail('history-columns', `no column ${name} in the header (${found}); a history has the columns ts and volume`);
    if (count > 1)
      fail('history-columns', `the column ${name} stands ${count} times in the header (${found}); keep one`);
  }
  const [tsField, volumeField] = [names.indexOf('ts'), names.indexOf('volume')];
  return { fieldCount: names.length, tsField, volumeField, isPlain: names.length === 2 && tsField === 0 };
}
