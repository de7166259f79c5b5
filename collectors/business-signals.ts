/**
 * Measures of the business, read from span attributes that the configuration names: how many, how much, what share, how distributed.
 */
import type { SignalKey } from '../core/window.ts';
import { printableName } from './function-identity.ts';
import type { Interner } from './interner.ts';
import type { SpanBatch } from './span-batch.ts';

export interface SignalOptions {
  /** Part of the key: `reject-ratio`. */
  readonly name: string;
  /** A span without it is no measurement. */
  readonly spanAttribute: string;
  /** One series for each of its values; absent: one series, `all`. */
  readonly keyAttribute?: string;
  /**
   * `count`: spans that meet the condition. `sum`, `quantile`: the attribute as a number, of spans that meet it; a quantile takes it without its sign.
   * `ratio`: of all spans with the attribute, those that meet the condition; without one, those of which the attribute is true or not 0.
   */
  readonly aggregation: 'count' | 'sum' | 'ratio' | 'quantile';
  readonly where?: SignalCondition;
  /** Series kept apart; further ones go to `(other)`. */
  readonly valueCountMax?: number;
}

export interface SignalCondition {
  readonly attribute: string;
  /** Any of these. */
  readonly equals: readonly (string | number | boolean)[];
}

/** One span's contribution; undefined from `measure` where it makes none. */
export interface Measurement {
  readonly key: SignalKey;
  /** NaN where the signal is no quantity. */
  readonly value: number;
  /** Of a ratio: it counts above the line too. */
  readonly holds: boolean;
}

export interface BusinessSignals {
  readonly attributes: readonly string[];
  readonly count: number;
  measure(signal: number, batch: SpanBatch, span: number): Measurement | undefined;
  /** Series that went to `(other)`, as often as they came. */
  readonly otherCount: number;
}

const valueCountMaxDefault = 200;
const valueLengthMax = 64;

/** All attributes that signals read, each once, in the order in which rows have them. */
export function attributesOfSignals(signals: readonly SignalOptions[]): readonly string[] {
  const names = signals.flatMap(({ spanAttribute, keyAttribute, where }) => [
    spanAttribute,
    ...(keyAttribute === undefined ? [] : [keyAttribute]),
    ...(where === undefined ? [] : [where.attribute]),
  ]);
  return [...new Set(names)];
}

export function createBusinessSignals(signals: readonly SignalOptions[], interner: Interner): BusinessSignals {
  const attributes = attributesOfSignals(signals);
  const compiled = signals.map((options) => ({
    options,
    attribute: attributes.indexOf(options.spanAttribute),
    keyAttribute: options.keyAttribute === undefined ? -1 : attributes.indexOf(options.keyAttribute),
    where: options.where === undefined ? -1 : attributes.indexOf(options.where.attribute),
    texts: new Set((options.where?.equals ?? []).map(String)),
    numbers: new Set(
      (options.where?.equals ?? []).flatMap((value) => (typeof value === 'string' ? [] : [Number(value)])),
    ),
    series: new Set<string>(),
  }));
  let otherCount = 0;

  const textAt = (batch: SpanBatch, span: number, attribute: number): string => {
    const { columns, signalCount, resourceSignalTexts } = batch;
    const own = columns.signalTexts[span * signalCount + attribute]!;
    const text = own || resourceSignalTexts[columns.resource[span]! * signalCount + attribute]!;
    return interner.textOf(text);
  };
  const numberAt = ({ columns, signalCount }: SpanBatch, span: number, attribute: number): number =>
    columns.signalNumbers[span * signalCount + attribute]!;

  const seriesOf = (signal: (typeof compiled)[number], batch: SpanBatch, span: number): SignalKey => {
    const { name, valueCountMax = valueCountMaxDefault } = signal.options;
    if (signal.keyAttribute < 0) return `signal:${name}/all`;
    const number = numberAt(batch, span, signal.keyAttribute);
    const text = Number.isNaN(number) ? textAt(batch, span, signal.keyAttribute) : String(number);
    const value = printableName(text).slice(0, valueLengthMax) || '(none)';
    if (!signal.series.has(value)) {
      if (signal.series.size >= valueCountMax) {
        otherCount++;
        return `signal:${name}/(other)`;
      }
      signal.series.add(value);
    }
    return `signal:${name}/${value}`;
  };

  return {
    attributes,
    count: signals.length,
    get otherCount() {
      return otherCount;
    },
    measure(index, batch, span) {
      const signal = compiled[index]!;
      const { aggregation } = signal.options;
      const number = numberAt(batch, span, signal.attribute);
      const text = Number.isNaN(number) ? textAt(batch, span, signal.attribute) : '';
      if (Number.isNaN(number) && text === '') return undefined;
      const value = Number.isNaN(number) ? Number(text) : number;
      let holds = aggregation !== 'ratio' || (value !== 0 && !Number.isNaN(value)) || text.toLowerCase() === 'true';
      if (signal.where >= 0) {
        const condition = numberAt(batch, span, signal.where);
        holds = Number.isNaN(condition)
          ? signal.texts.has(textAt(batch, span, signal.where))
          : signal.numbers.has(condition);
      }
      if (!holds && aggregation !== 'ratio') return undefined;
      const isQuantity = aggregation === 'sum' || aggregation === 'quantile';
      if (isQuantity && !Number.isFinite(value)) return undefined;
      return {
        key: seriesOf(signal, batch, span),
        value: !isQuantity ? NaN : aggregation === 'quantile' ? Math.abs(value) : value,
        holds: aggregation === 'ratio' && holds,
      };
    },
  };
}
