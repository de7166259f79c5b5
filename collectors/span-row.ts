/** Writes attribute values into rows: of a span by its index, of a resource by -1 less its index. */
import { hashBytes } from './interner.ts';
import { slotCount, type AllowedAttribute } from './otlp-attributes.ts';
import type { Decoding, SpanBatch } from './span-batch.ts';

export function writeText(
  bytes: Uint8Array,
  from: number,
  until: number,
  { batch, interner }: Decoding,
  { slot, form, signal }: AllowedAttribute,
  owner: number,
): void {
  const text = form === 'text' || signal >= 0 ? interner.intern(bytes, from, until) : 0;
  if (signal >= 0) writeSignal(batch, owner, signal, NaN, text);
  if (slot < 0) return;
  let value = text;
  if (form === 'hash') value = hashBytes(bytes, from, until) || 1;
  else if (form === 'presence') value = 1;
  else if (form === 'integer') value = parseInteger(bytes, from, until);
  else if (form === 'boolean') value = parseBoolean(bytes, from, until);
  writeSlot(batch, owner, slot, value);
}

export function writeNumber(
  batch: SpanBatch,
  { slot, form, signal }: AllowedAttribute,
  owner: number,
  value: number,
): void {
  if (signal >= 0) writeSignal(batch, owner, signal, value, 0);
  if (slot < 0) return;
  if (form === 'presence') writeSlot(batch, owner, slot, 1);
  else if (form === 'integer' && value >= 0 && value <= 0x7fffffff) writeSlot(batch, owner, slot, value);
}

/** A truth is a number to a signal: 1 or 0. */
export function writeBoolean(batch: SpanBatch, attribute: AllowedAttribute, owner: number, value: boolean): void {
  if (attribute.signal >= 0) writeSignal(batch, owner, attribute.signal, value ? 1 : 0, 0);
  if (attribute.slot >= 0 && attribute.form === 'boolean') writeSlot(batch, owner, attribute.slot, value ? 2 : 1);
}

/** Old and new names stand side by side in some spans; what is empty overwrites nothing. */
function writeSlot(batch: SpanBatch, owner: number, slot: number, value: number): void {
  if (value === 0) return;
  if (owner >= 0) batch.columns.rows[owner * slotCount + slot] = value;
  else batch.resourceRows[(-1 - owner) * slotCount + slot] = value;
}

function writeSignal(batch: SpanBatch, owner: number, signal: number, value: number, text: number): void {
  const { signalCount, columns } = batch;
  if (owner >= 0) {
    columns.signalNumbers[owner * signalCount + signal] = value;
    columns.signalTexts[owner * signalCount + signal] = text;
  } else batch.resourceSignalTexts[(-1 - owner) * signalCount + signal] = text;
}

function parseInteger(bytes: Uint8Array, from: number, until: number): number {
  if (until - from > 9) return 0;
  let value = 0;
  for (let at = from; at < until; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return 0;
    value = 10 * value + digit;
  }
  return value;
}

/** `true` is the only text of four letters that begins with a t and is a boolean. */
function parseBoolean(bytes: Uint8Array, from: number, until: number): number {
  if (until - from === 4 && (bytes[from]! | 0x20) === 0x74) return 2;
  return until - from === 5 && (bytes[from]! | 0x20) === 0x66 ? 1 : 0;
}
