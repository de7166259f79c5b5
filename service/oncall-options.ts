/** Who is told of what, when and how: plain values, without what is secret. */
import type { Target } from '../actuators/notify/targets.ts';
import type { IncidentSeverity } from '../core/incident.ts';

export interface Owner {
  readonly name: string;
  /** Targets, by their names: for what cannot wait, for what can be read later, and for when nobody answers. */
  readonly page: readonly string[];
  readonly notice: readonly string[];
  readonly escalate: readonly string[];
  /** Functions, services and signals; a trailing `*` stands for any ending. */
  readonly keys: readonly string[];
}

/** From one time of day to another, in minutes since midnight; over midnight where the first is later. */
export interface Hours {
  readonly fromMinute: number;
  readonly untilMinute: number;
}

/** The first that matches decides. What is left out matches everything. */
export interface Route {
  readonly owners?: readonly string[] | undefined;
  readonly severities?: readonly IncidentSeverity[] | undefined;
  readonly hours?: Hours;
  readonly tell: 'page' | 'notice' | 'digest';
}

/** What may leave beside what, where and since when. */
export const attributeNames = ['account', 'owner', 'harmed', 'harmedRatio', 'evidence', 'actions', 'traceIds'] as const;

export type AttributeName = (typeof attributeNames)[number];

export interface OncallOptions {
  /** Distinguishes our episodes from those of another Foreshock at the same target. */
  readonly tenant: string;
  readonly targets: readonly Target[];
  readonly owners: readonly Owner[];
  /** Owns what nobody else does. */
  readonly defaultOwner: string;
  readonly routes: readonly Route[];
  /** In which hours are meant. */
  readonly timeZone: string;
  readonly night: Hours;
  /** At night, less harm than this is a notice until the morning. */
  readonly nightHarmedRatioMin: number;
  /** Minute of the day at which digests leave. */
  readonly digestAtMinute: number;
  /** An episode that nobody has acknowledged for so long is escalated. */
  readonly escalateAfterMs: number;
  readonly attributes: readonly AttributeName[];
  /** Where people reach this service; absent: pages carry no link to it. */
  readonly publicUrl?: string;
  /** Of one trace, with `{traceId}` in it. */
  readonly traceUrl?: string;
}
