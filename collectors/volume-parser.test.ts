import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import { formatInstant, parseInstant } from '../core/time.ts';
import { createVolumeParser, type VolumeHistory, type VolumeParserOptions } from './volume-parser.ts';

const at = (text: string): number => parseInstant(text) ?? NaN;

function parse(text: string, options: Partial<VolumeParserOptions> = {}): VolumeHistory {
  const parser = createVolumeParser({ name: 'h.csv', ...options });
  parser.push(Buffer.from(text));
  return parser.end();
}

/** The code and message that a text is refused with. */
function refusal(text: string, options: Partial<VolumeParserOptions> = {}): string {
  try {
    parse(text, options);
  } catch (error) {
    if (error instanceof InputError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'taken';
}

/** Three sound minutes around one row in question, so that the bucket length is known and there is something to keep. */
const around = (row: string): string =>
  `ts,volume\n2025-09-05T12:30:00Z,1\n2025-09-05T12:31:00Z,2\n${row}\n2025-09-05T12:33:00Z,4\n`;

describe('a row that can be read', () => {
  it.each([
    ['the usual form', '2025-09-05T12:32:00Z,3', 3],
    ['zero', '2025-09-05T12:32:00Z,0', 0],
    ['minus zero', '2025-09-05T12:32:00Z,-0', 0],
    ['decimals', '2025-09-05T12:32:00Z,3.25', 3.25],
    ['decimals that no sum of tenths gives', '2025-09-05T12:32:00Z,0.1', 0.1],
    ['fifteen digits', '2025-09-05T12:32:00Z,123456789.012345', 123456789.012345],
    ['sixteen digits', '2025-09-05T12:32:00Z,12345678.90123456', 12345678.90123456],
    ['the most', '2025-09-05T12:32:00Z,1000000000000000', 1e15],
    ['an exponent', '2025-09-05T12:32:00Z,3e2', 300],
    ['spaces', ' 2025-09-05T12:32:00Z , 3 ', 3],
    ['quotes', '"2025-09-05T12:32:00Z","3"', 3],
    ['an offset', '2025-09-05T08:32:00-04:00,3', 3],
    ['no seconds', '2025-09-05T12:32Z,3', 3],
  ])('%s', (_, row, volume) => {
    const { series, badRows } = parse(around(row));
    expect(badRows.count).toBe(0);
    expect([...series.values]).toEqual([1, 2, volume, 4]);
    expect(Object.is(series.values[2], -0)).toBe(false);
  });

  // The fast reading counts days by itself. Two days, so that a day kept from the row before is never taken for another.
  it('knows the same days as the careful reading', () => {
    const digits = (count: number, max: number) => fc.nat(max).map((value) => String(value).padStart(count, '0'));
    const odd = fc.constantFrom(
      '2025-02-29',
      '2024-02-29',
      '1900-02-29',
      '2000-02-29',
      '1999-09-05',
      '20x9-09-05',
      '0099-01-01',
    );
    const date = fc.oneof(
      odd,
      fc
        .tuple(fc.integer({ min: 1_990, max: 2_030 }).map(String), digits(2, 13), digits(2, 32))
        .map((parts) => parts.join('-')),
    );
    fc.assert(
      fc.property(date, date, (first, second) => {
        const instants = [first, second].map(parseInstant).filter((instant) => instant !== undefined);
        const text = `ts,volume\n2025-09-05T00:00:00Z,1\n${first}T00:00:00Z,1\n${second}T00:00:00Z,1\n`;
        const { series, badRows } = parse(text, { stepMs: 86_400_000 });
        expect(badRows.count).toBe(2 - instants.length);
        expect(series.fromMs).toBe(Math.min(at('2025-09-05'), ...instants));
        expect(instants.every((instant) => series.values[(instant - series.fromMs) / 86_400_000] === 1)).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it.each([
    ['line breaks of Windows', 'ts,volume\r\n2025-09-05T12:30:00Z,1\r\n2025-09-05T12:31:00Z,2\r\n'],
    ['no last line break', 'ts,volume\n2025-09-05T12:30:00Z,1\n2025-09-05T12:31:00Z,2'],
    ['a last carriage return', 'ts,volume\r\n2025-09-05T12:30:00Z,1\r\n2025-09-05T12:31:00Z,2\r'],
    ['a byte order mark', '\ufeffts,volume\n2025-09-05T12:30:00Z,1\n2025-09-05T12:31:00Z,2\n'],
    ['another order', 'volume,ts\n1,2025-09-05T12:30:00Z\n2,2025-09-05T12:31:00Z\n'],
    ['more columns', 'venue,ts,"the, note",volume\nX,2025-09-05T12:30:00Z,"a, b",1\nX,2025-09-05T12:31:00Z,,2\n'],
    ['blank lines', 'ts,volume\n\n2025-09-05T12:30:00Z,1\n\n2025-09-05T12:31:00Z,2\n\n'],
  ])('with %s', (_, text) => {
    const { series, rowCount, badRows } = parse(text);
    expect(series).toEqual({ fromMs: at('2025-09-05T12:30:00Z'), stepMs: 60_000, values: Float64Array.of(1, 2) });
    expect([rowCount, badRows.count]).toEqual([2, 0]);
  });
});

describe('a bad row is named by line and counted, and the others are kept', () => {
  it.each([
    ['no volume', '2025-09-05T12:32:00Z,', 'volume is not a number'],
    ['NaN', '2025-09-05T12:32:00Z,NaN', 'volume is not a number'],
    ['Infinity', '2025-09-05T12:32:00Z,Infinity', 'volume is not a number'],
    ['too large for a double', '2025-09-05T12:32:00Z,1e999', 'volume is not a number'],
    ['more than the most', '2025-09-05T12:32:00Z,1000000000000001', 'volume is not a number'],
    ['hexadecimal', '2025-09-05T12:32:00Z,0x10', 'volume is not a number'],
    ['a decimal point alone', '2025-09-05T12:32:00Z,.', 'volume is not a number'],
    ['a point without decimals', '2025-09-05T12:32:00Z,3.', 'volume is not a number'],
    ['two points', '2025-09-05T12:32:00Z,1.2.3', 'volume is not a number'],
    ['thousands set apart', '2025-09-05T12:32:00Z,1,234', '3 fields instead of 2'],
    ['one field', '2025-09-05T12:32:00Z', '1 fields instead of 2'],
    ['broken quotes', '"2025-09-05T12:32:00Z,3', 'broken quotes'],
    ['a time without its zone', '2025-09-05T12:32:00,3', 'ts is not an ISO 8601 instant'],
    ['a count of seconds', '1757075520,3', 'ts is not an ISO 8601 instant'],
    ['a day that is not', '2025-02-29T12:32:00Z,3', 'ts is not an ISO 8601 instant'],
    ['an hour that is not', '2025-09-05T24:32:00Z,3', 'ts is not an ISO 8601 instant'],
    ['a minute that is not', '2025-09-05T12:60:00Z,3', 'ts is not an ISO 8601 instant'],
    ['a leap second', '2025-09-05T12:32:60Z,3', 'ts is not an ISO 8601 instant'],
    ['a letter among digits', '2025-09-05T1x:32:00Z,3', 'ts is not an ISO 8601 instant'],
    ['off the grid', '2025-09-05T12:32:30Z,3', 'ts is not the start of a bucket of 60 s'],
    ['zero bytes', '\0\0\0,\0', 'ts is not an ISO 8601 instant'],
  ])('%s', (_, row, reason) => {
    const { series, badRows, rowCount } = parse(around(row), { stepMs: 60_000 });
    expect([...series.values]).toEqual([1, 2, NaN, 4]);
    expect([rowCount, badRows.count]).toEqual([3, 1]);
    expect(badRows.first.map((bad) => bad.line)).toEqual([4]);
    expect(badRows.first[0]!.reason).toContain(reason);
  });

  it('names them in the order of the file, although the grid is known last', () => {
    const rows = [
      '12:30:00Z,1',
      '12:30:30Z,1',
      '12:31:00Z,',
      '12:31:00Z,2',
      '12:32:00Z,3',
      '12:33:00Z,4',
      '12:34:00Z,5',
      '12:35:00Z,6',
    ];
    const { badRows } = parse(`ts,volume\n${rows.map((row) => `2025-09-05T${row}`).join('\n')}`);
    expect(badRows.first.map((bad) => bad.line)).toEqual([3, 4]);
  });

  it('shows at most ten of them, shortened and harmless', () => {
    const rows = Array.from({ length: 1_200 }, (_, index) => `${formatInstant(index * 60_000)},1`);
    const bad = Array.from({ length: 12 }, () => `\u001b[31m${'x'.repeat(100)}`);
    const { badRows } = parse(['ts,volume', ...rows, ...bad].join('\n'));
    expect(badRows.count).toBe(12);
    expect(badRows.first).toHaveLength(10);
    expect(badRows.first[0]!.text).toBe(`"\\u001b[31m${'x'.repeat(43)}…"`);
  });
});

describe('double and unordered rows: the last one wins, and both are counted', () => {
  it('keeps what came last', () => {
    const rows = ['12:31:00Z,2', '12:30:00Z,1', '12:33:00Z,4', '12:31:00Z,7', '12:31:00Z,8'];
    const history = parse(`ts,volume\n${rows.map((row) => `2025-09-05T${row}`).join('\n')}\n`);
    expect([...history.series.values]).toEqual([1, 8, NaN, 4]);
    expect(history).toMatchObject({ rowCount: 5, duplicateRowCount: 2, unorderedRowCount: 2 });
    expect([history.firstAtMs, history.lastAtMs].map(formatInstant)).toEqual([
      '2025-09-05T12:30:00Z',
      '2025-09-05T12:33:00Z',
    ]);
  });

  // Method: the same rows through a map from instant to volume, which is what "last wins" means; in chunks of any size, because
  // where a chunk ends says nothing about the file.
  it('says what a map of the rows says, however the bytes are cut', () => {
    const row = fc.record({
      minute: fc.integer({ min: -3_000, max: 3_000 }),
      volume: fc.integer({ min: 0, max: 1e6 }),
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 97 }),
        (rows, chunkLength) => {
          const bytes = Buffer.from(
            `ts,volume\n${rows.map(({ minute, volume }) => `${formatInstant(minute * 60_000)},${volume}\n`).join('')}`,
          );
          const parser = createVolumeParser({ name: 'h.csv', stepMs: 60_000 });
          for (let from = 0; from < bytes.length; from += chunkLength)
            parser.push(bytes.subarray(from, from + chunkLength));
          const { series, ...counts } = parser.end();

          const map = new Map(rows.map(({ minute, volume }) => [minute, volume]));
          const first = Math.min(...map.keys());
          const buckets = Array.from(
            { length: Math.max(...map.keys()) - first + 1 },
            (_, index) => map.get(first + index) ?? NaN,
          );
          expect(series.fromMs).toBe(first * 60_000);
          expect([...series.values]).toEqual(buckets);
          expect(counts.rowCount).toBe(rows.length);
          expect(counts.duplicateRowCount).toBe(rows.length - map.size);
        },
      ),
      { seed: 1 },
    );
  });

  it('holds the span in memory, not the rows', () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const heldByteCount = (): number => {
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    // A shuffled day, ten thousand rows of it, again and again: 7 919 is prime to 1 440, so that every minute comes up.
    const rows = Array.from(
      { length: 10_000 },
      (_, index) => `${formatInstant(((index * 7_919) % 1_440) * 60_000)},${index}\n`,
    );
    const chunk = Buffer.from(rows.join(''));
    const parser = createVolumeParser({ name: 'h.csv' });
    parser.push(Buffer.from('ts,volume\n'));
    for (let round = 0; round < 3; round++) parser.push(chunk);
    const before = heldByteCount();
    for (let round = 0; round < 70; round++) parser.push(chunk);
    // 700 000 rows held as anything at all would be 5.6 MB and more.
    expect(heldByteCount() - before).toBeLessThan(1_000_000);
    const { series, rowCount } = parser.end();
    expect([rowCount, series.values.length, series.stepMs]).toEqual([730_000, 1_440, 60_000]);
  });
});

describe('the bucket length', () => {
  const rowsAt = (seconds: readonly number[]): string =>
    `ts,volume\n${seconds.map((second) => `${formatInstant(second * 1_000)},1\n`).join('')}`;

  it.each([
    ['even rows', [0, 300, 600, 900], 300],
    ['gaps', [0, 300, 600, 3_600, 3_900, 9_000], 300],
    ['double rows', [0, 0, 0, 300, 300, 600], 300],
    ['two rows', [600, 1_200], 600],
    ['a shuffled hour', [540, 60, 3_120, 1_380, 2_700, 0, 3_540, 420, 1_920, 780, 2_280, 1_140], 60],
    ['one row off the grid', [0, 300, 600, 601, 900, 1_200, 1_500, 1_800, 2_100], 300],
    ['a vote that ties: the smaller, which keeps more rows', [0, 120, 240, 420, 600], 60],
    ['rows backwards', [900, 600, 300, 0], 300],
  ])('is seen in %s', (_, seconds, step) => expect(parse(rowsAt(seconds)).series.stepMs).toBe(step * 1_000));

  it('is taken as given', () => {
    expect(parse(rowsAt([0, 300, 600]), { stepMs: 60_000 }).series.values).toHaveLength(11);
  });

  it.each([
    ['half seconds', 'ts,volume\n1970-01-01T00:00:00.5Z,1\n1970-01-01T00:00:01Z,1\n', 'history-step'],
    ['two days', rowsAt([0, 172_800]), 'history-step'],
    ['one row', rowsAt([0]), 'history-rows'],
    ['one instant', rowsAt([0, 0, 0]), 'history-rows'],
  ])('is refused of %s', (_, text, code) => expect(refusal(text)).toContain(code));
});

describe('what lies outside the bounds tells nothing', () => {
  const rows = ['12:30:00Z,1', '12:31:00Z,2', '12:32:00Z,3', '12:33:00Z,4'].map((row) => `2025-09-05T${row}\n`);
  const bounds = { untilMs: at('2025-09-05T12:32:00Z') };

  it('is a half-open interval', () => {
    const { series, droppedRowCount } = parse(`ts,volume\n${rows.join('')}`, {
      fromMs: at('2025-09-05T12:31:00Z'),
      untilMs: at('2025-09-05T12:33:00Z'),
    });
    expect([...series.values]).toEqual([2, 3]);
    expect([series.fromMs, droppedRowCount]).toEqual([at('2025-09-05T12:31:00Z'), 2]);
  });

  // The future here is hostile: other steps, doubles, a negative volume, a far year. All of it would change or end the reading.
  it.each([
    ['more rows', rows.slice(2).join('')],
    ['another grid', '2025-09-05T12:32:01Z,3\n2025-09-05T12:32:02Z,3\n2025-09-05T12:32:03Z,3\n'.repeat(50)],
    ['a negative volume', '2025-09-05T12:32:00Z,-3\n'],
    ['a word', '2025-09-05T12:32:00Z,soon\n'],
    ['a far year', '9999-09-05T12:32:00Z,3\n'],
  ])('reads the past alike before %s', (_, future) => {
    const past = parse(`ts,volume\n${rows.slice(0, 2).join('')}`, bounds);
    const whole = parse(`ts,volume\n${future}${rows.slice(0, 2).join('')}${future}`, bounds);
    expect({ ...whole, droppedRowCount: 0, sha256: '' }).toEqual({ ...past, sha256: '' });
    expect(whole.droppedRowCount).toBeGreaterThan(0);
  });
});

describe('what makes the whole file unusable is one line', () => {
  it.each([
    ['no bytes', '', 'history-empty h.csv: is empty; a history is CSV with the columns ts and volume'],
    [
      'a wrong column',
      'ts,price\n',
      'history-columns h.csv:1: no column volume in the header (found "ts,price"); a history has the columns ts and volume',
    ],
    [
      'a column twice',
      'ts,volume,volume\n',
      'history-columns h.csv:1: the column volume stands 2 times in the header (found "ts,volume,volume"); keep one',
    ],
    ['a header alone', 'ts,volume\n', 'history-rows h.csv: too few rows (0 usable, 0 bad)'],
    [
      'no row that can be read',
      'ts,volume\n1757075520,3\n',
      'history-rows h.csv: too few rows (0 usable, 1 bad); line 2 is "1757075520,3": ' +
        'ts is not an ISO 8601 instant with its zone, such as 2025-09-05T12:30:00Z',
    ],
    [
      'a negative volume',
      around('2025-09-05T12:32:00Z,-3'),
      'history-negative h.csv:4: volume "-3" is negative; a volume counts requests, so it is 0 or more',
    ],
  ])('%s', (_, text, message) => expect(refusal(text)).toBe(message));

  it('says of a file without a row inside the bounds how many lie outside', () => {
    expect(refusal(around(''), { untilMs: 0 })).toBe(
      'history-rows h.csv: too few rows (0 usable, 0 bad, 3 outside the bounds asked for)',
    );
  });

  it.each([
    [1_100, 11, 'taken'],
    [
      1_000,
      11,
      'history-bad-rows h.csv: 11 of 1011 rows are bad (at most 1 % may be); the first is line 1002, "x": 1 fields',
    ],
    // Ten can all be shown: whoever reads them can judge a short file.
    [20, 10, 'taken'],
  ])('of %i sound and %i bad rows: %s', (soundCount, badCount, expected) => {
    const sound = Array.from({ length: soundCount }, (_, index) => `${formatInstant(index * 60_000)},1`);
    expect(refusal(['ts,volume', ...sound, ...Array<string>(badCount).fill('x')].join('\n'))).toContain(expected);
  });

  // A gigabyte of line breaks packs into a megabyte; nobody should wait for its end.
  it('gives up after a million lines that are no rows', () => {
    const blank = '\n'.repeat(1_000_001);
    expect(refusal(around(blank.slice(2)))).toBe('taken');
    expect(refusal(around(`${blank}x`))).toBe(
      'history-bad-rows h.csv:1000004: 0 bad rows and 1000001 blank lines so far beside 2 rows; is this a history?',
    );
  });

  // The limit is 2^25 buckets: from 1970-01-01 at one second, the last one is 1971-01-24T08:40:31Z (2^25 - 1 = 388 days 08:40:31).
  it('refuses a span beyond the limit before it takes memory for it', () => {
    const seconds = 'ts,volume\n1970-01-01T00:00:00Z,1\n1970-01-01T00:00:01Z,1\n1970-01-01T00:00:02Z,1\n';
    const beyond =
      'history-span h.csv:5: 1971-01-24T08:40:32Z stretches the history beyond 33554432 buckets of 1 s; ' +
      'mend the date, or read a part of the file';
    expect(refusal(`${seconds}1971-01-24T08:40:32Z,1\n`)).toBe(beyond);
    expect(refusal(`${seconds}0001-01-01T00:00:00Z,1\n`)).toContain('history-span h.csv:5: 0001-01-01');
    expect(parse(`${seconds}1971-01-24T08:40:31Z,1\n`).series.values).toHaveLength(33_554_432);
  });

  it.each([1, 100, 10_000])('refuses an endless line, in chunks of %i bytes', (chunkLength) => {
    const push = (length: number) => () => {
      const parser = createVolumeParser({ name: 'h.csv' });
      const bytes = Buffer.from(`ts,volume\n${'x'.repeat(length)}\n${around('').slice('ts,volume\n'.length)}`);
      for (let from = 0; from < bytes.length; from += chunkLength)
        parser.push(bytes.subarray(from, from + chunkLength));
      parser.end();
    };
    expect(push(4_096)).not.toThrow();
    expect(push(4_097)).toThrow('h.csv:2: a line is longer than 4096 bytes; is this a CSV file?');
  });
});

describe('whatever the bytes are, the answer is a history or one clear line', () => {
  const sound = Array.from({ length: 40 }, (_, index) => `${formatInstant(index * 60_000)},${index}`);

  it.each<[string, fc.Arbitrary<Uint8Array>]>([
    ['random bytes', fc.uint8Array({ maxLength: 400 })],
    [
      'random bytes after a header',
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.concat([Buffer.from('ts,volume\n'), bytes])),
    ],
    [
      'a byte of a sound file changed, removed or put in',
      fc.tuple(fc.nat(900), fc.nat(255), fc.nat(2)).map(([place, byte, removedCount]) => {
        const bytes = Buffer.from(['ts,volume', ...sound].join('\n'));
        return Buffer.concat([bytes.subarray(0, place), Buffer.of(byte), bytes.subarray(place + removedCount)]);
      }),
    ],
  ])('%s', (_, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (bytes) => {
        const parser = createVolumeParser({ name: 'h.csv' });
        try {
          parser.push(bytes);
          const { series, rowCount } = parser.end();
          expect(rowCount).toBeGreaterThanOrEqual(series.values.filter((value) => !Number.isNaN(value)).length);
          expect(series.values.every((value) => !(value < 0) && value !== Infinity)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as InputError).message).toMatch(/^h\.csv[:\d]*: [^\n]+$/);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
