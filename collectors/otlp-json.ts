/**
 * Reads an ExportTraceServiceRequest in OTLP's JSON into the same batch as protobuf.
 *
 * JSON as OTLP has it: ids in hexadecimal of either case, enumerations as integers only, 64-bit numbers as text or as numbers, unknown fields ignored. A time in
 * nanoseconds is larger than a double holds exactly, so digits are put in quotes before anything parses them.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import type { AllowedAttribute } from './otlp-attributes.ts';
import { adjustedCountOf } from './otlp-sampling.ts';
import { isThrottleText } from './otlp-throttle.ts';
import { addResource, keepOrDrop, makeRoom, openSpan, OtlpError, statusCodes, type Decoding } from './span-batch.ts';
import { writeBoolean, writeNumber, writeText } from './span-row.ts';

/** A key and the digits of its number. Inside a text its quotes would have backslashes before them, so this finds none there. */
const bareTime = /("(?:start|end)TimeUnixNano"\s*:\s*)(\d{1,20})(?=\s*[,}])/g;

const scratch = Buffer.alloc(2_048);

/** @throws OtlpError when the text is no such message; what was handed over before stays handed over. */
export function readJsonTraces(bytes: Buffer, reading: Decoding): void {
  const request = parse(bytes);
  for (const [place, resourceSpans] of listOf(request['resourceSpans'], 'resourceSpans')) {
    const resource = addResource(reading.batch);
    const attributes = objectOf(resourceSpans['resource'], `${place}.resource`)['attributes'];
    for (const [at, attribute] of listOf(attributes, `${place}.resource.attributes`)) {
      readAttribute(attribute, at, reading, -1 - resource);
    }
    for (const [scope, scopeSpans] of listOf(resourceSpans['scopeSpans'], `${place}.scopeSpans`)) {
      for (const [at, span] of listOf(scopeSpans['spans'], `${scope}.spans`)) {
        makeRoom(reading);
        readSpan(span, at, reading);
      }
    }
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parse(bytes: Buffer): Fields {
  try {
    return objectOf(JSON.parse(bytes.toString('utf8').replace(bareTime, '$1"$2"')), 'the body');
  } catch (error) {
    if (error instanceof OtlpError) throw error;
    throw new OtlpError('the body', 'no JSON');
  }
}

/** The object; an empty one for what is left out. */
function objectOf(value: unknown, place: string): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new OtlpError(place, 'an object is expected');
  return value as Fields;
}

function* listOf(value: unknown, place: string): Iterable<readonly [string, Fields]> {
  if (value === undefined || value === null) return;
  if (!Array.isArray(value)) throw new OtlpError(place, 'a list is expected');
  for (let index = 0; index < value.length; index++) {
    const at = `${place}[${index}]`;
    yield [at, objectOf(value[index], at)];
  }
}

function textOf(value: unknown, place: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new OtlpError(place, 'a text is expected');
  return value;
}

/** An enumeration: a whole number. Its name would be another way to write it in other JSON, and is none here. */
function enumOf(value: unknown, place: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new OtlpError(place, 'a whole number is expected, no name');
  }
  return Math.min(value, 255);
}

/** A 64-bit number without a sign; 0 for what is left out. */
function timeOf(value: unknown, place: string): bigint {
  if (value === undefined || value === null || value === '') return 0n;
  const isDigits = typeof value === 'string' && /^\d{1,20}$/.test(value);
  const isWhole = typeof value === 'number' && Number.isInteger(value) && value >= 0;
  const time = isDigits || isWhole ? BigInt(value) : -1n;
  if (time < 0n || time > 0xffff_ffff_ffff_ffffn) throw new OtlpError(place, 'nanoseconds in 64 bits are expected');
  return time;
}

function readSpan(span: Fields, place: string, reading: Decoding): void {
  const { batch } = reading;
  const { columns, spanCount: index } = batch;
  openSpan(columns, index);
  const hasTraceId = writeId(span['traceId'], `${place}.traceId`, columns.ids, { at: 8 * index, wordCount: 4 });
  const hasSpanId = writeId(span['spanId'], `${place}.spanId`, columns.ids, { at: 8 * index + 4, wordCount: 2 });
  writeId(span['parentSpanId'], `${place}.parentSpanId`, columns.ids, { at: 8 * index + 6, wordCount: 2 });
  const traceState = textOf(span['traceState'], `${place}.traceState`);
  if (traceState !== '') {
    const bytes = Buffer.from(traceState);
    columns.adjustedCount[index] = adjustedCountOf(bytes, 0, bytes.length);
  }
  columns.kind[index] = enumOf(span['kind'], `${place}.kind`);
  const status = objectOf(span['status'], `${place}.status`);
  columns.status[index] = enumOf(status['code'], `${place}.status.code`);
  const message = textOf(status['message'], `${place}.status.message`);
  if (columns.status[index] === statusCodes.error && isThrottleText(message.slice(0, 256)))
    columns.throttled[index] = 1;
  for (const [at, attribute] of listOf(span['attributes'], `${place}.attributes`)) {
    readAttribute(attribute, at, reading, index);
  }
  const start = timeOf(span['startTimeUnixNano'], `${place}.startTimeUnixNano`);
  const end = timeOf(span['endTimeUnixNano'], `${place}.endTimeUnixNano`);
  keepOrDrop(batch, hasTraceId && hasSpanId, {
    startLow: Number(start & 0xffff_ffffn),
    startHigh: Number(start >> 32n),
    endLow: Number(end & 0xffff_ffffn),
    endHigh: Number(end >> 32n),
  });
}

/** True when it is an id of that many words; what is another's length is no id. @throws when it is not hexadecimal. */
function writeId(
  value: unknown,
  place: string,
  ids: Uint32Array,
  { at, wordCount }: { readonly at: number; readonly wordCount: number },
): boolean {
  const text = textOf(value, place);
  if (text === '') return false;
  if (!/^[0-9a-fA-F]+$/.test(text)) throw new OtlpError(place, 'hexadecimal digits are expected');
  if (text.length !== 8 * wordCount) return false;
  for (let word = 0; word < wordCount; word++) ids[at + word] = parseInt(text.slice(8 * word, 8 * word + 8), 16);
  return true;
}

function readAttribute({ key, value }: Fields, place: string, reading: Decoding, owner: number): void {
  const attribute = reading.allowList.findByName(textOf(key, `${place}.key`));
  if (attribute !== undefined)
    readValue(objectOf(value, `${place}.value`), `${place}.value`, reading, attribute, owner);
}

function readValue(value: Fields, place: string, reading: Decoding, attribute: AllowedAttribute, owner: number): void {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue } = value;
  if (stringValue !== undefined) {
    const text = textOf(stringValue, `${place}.stringValue`);
    // What does not fit is longer than any text that is kept, and is refused as such.
    const written = scratch.write(text);
    writeText(scratch, 0, written, reading, attribute, owner);
  } else if (typeof boolValue === 'boolean') writeBoolean(reading.batch, attribute, owner, boolValue);
  else if (intValue !== undefined)
    writeNumber(reading.batch, attribute, owner, numberOf(intValue, `${place}.intValue`));
  else if (doubleValue !== undefined) {
    writeNumber(reading.batch, attribute, owner, numberOf(doubleValue, `${place}.doubleValue`));
  } else if (arrayValue !== undefined) {
    const values = objectOf(arrayValue, `${place}.arrayValue`)['values'];
    const [first] = listOf(values, `${place}.arrayValue.values`);
    if (first?.[1]['stringValue'] !== undefined) readValue(first[1], first[0], reading, attribute, owner);
  }
}

/** Whole or not, as a number or as text; "NaN" and "Infinity" are how JSON writes those. */
function numberOf(value: unknown, place: string): number {
  if (typeof value === 'number') return value;
  const isNumber = typeof value === 'string' && /^(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/.test(value);
  if (!isNumber) throw new OtlpError(place, 'a number is expected');
  return Number(value);
}
