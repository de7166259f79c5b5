/** A batch on its way from one thread to another: its arrays are handed over, its texts are numbered anew at the other end. */
import type { Transferable } from 'node:worker_threads';
import type { Problem } from './otlp-answer.ts';
import type { Interner } from './interner.ts';
import { slotCount, textSlots } from './otlp-attributes.ts';
import type { SpanBatch, SpanColumns } from './span-batch.ts';

export interface PackedBatch extends Pick<
  SpanBatch,
  'columns' | 'resourceRows' | 'resourceSignalTexts' | 'signalCount' | 'spanCount' | 'resourceCount' | 'rejected'
> {
  /** Texts that the job's earlier batches did not have; numbers go on where those ended, from 1. */
  readonly texts: readonly string[];
}

/** What the decoding thread says: any number of batches, then that it is done or why not. */
export type WorkerAnswer =
  | { readonly kind: 'batch'; readonly packed: PackedBatch }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'done' };

export function packBatch(
  batch: SpanBatch,
  texts: readonly string[],
): { readonly packed: PackedBatch; readonly transfer: readonly Transferable[] } {
  const { spanCount, resourceCount, signalCount, columns } = batch;
  const widths: Readonly<Record<string, number>> = {
    ids: 8,
    rows: slotCount,
    signalNumbers: signalCount,
    signalTexts: signalCount,
  };
  const sliced = Object.fromEntries(
    Object.entries(columns as unknown as Record<string, Int32Array>).map(([name, column]) => [
      name,
      column.slice(0, spanCount * (widths[name] ?? 1)),
    ]),
  );
  const packed: PackedBatch = {
    columns: sliced as unknown as SpanColumns,
    resourceRows: batch.resourceRows.slice(0, resourceCount * slotCount),
    resourceSignalTexts: batch.resourceSignalTexts.slice(0, resourceCount * signalCount),
    signalCount,
    spanCount,
    resourceCount,
    rejected: { ...batch.rejected },
    texts,
  };
  const arrays = [...Object.values(sliced), packed.resourceRows, packed.resourceSignalTexts];
  return { packed, transfer: arrays.map((array) => array.buffer as ArrayBuffer) };
}

/** Numbers of the receiving end for those of the packing one; `known` has them from the job's earlier batches, and gets the new ones. */
export function unpackBatch(packed: PackedBatch, interner: Interner, known: string[]): SpanBatch {
  known.push(...packed.texts);
  const numbers = new Map<number, number>();
  const translate = (text: number): number => {
    if (text === 0) return 0;
    const translated = numbers.get(text);
    if (translated !== undefined) return translated;
    const bytes = Buffer.from(known[text - 1]!);
    const number = interner.intern(bytes, 0, bytes.length);
    numbers.set(text, number);
    return number;
  };
  const { columns, resourceRows, resourceSignalTexts } = packed;
  for (const rows of [columns.rows, resourceRows]) {
    for (let row = 0; row < rows.length; row += slotCount) {
      for (const slot of textSlots) rows[row + slot] = translate(rows[row + slot]!);
    }
  }
  for (const texts of [columns.signalTexts, resourceSignalTexts]) {
    for (let at = 0; at < texts.length; at++) texts[at] = translate(texts[at]!);
  }
  const { texts: _, ...batch } = packed;
  return batch;
}
