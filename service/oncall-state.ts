/** What on-call knows between two ticks: plain JSON, sealed with the tick that changed it. */
import { emptyOutbox, type Outbox } from '../actuators/notify/outbox.ts';
import type { EpochMs } from '../core/time.ts';
import type { EpisodeStory } from './oncall-text.ts';
import type { Told } from './routing.ts';

export interface Episode {
  /** The id of the incident; of trouble that spans do not show, its subject and kind. */
  readonly incidentId: string;
  readonly openedSeq: number;
  readonly dedupKey: string;
  readonly story: EpisodeStory;
  readonly told: Told;
  /** By what, where nobody is to hear of it for now. */
  readonly silencedBy?: string;
  /** Why nobody is ever told. */
  readonly withheld?: string;
  /** Why nobody was paged so far, as it is on record. */
  readonly heldBack?: string;
  /** Of what was answered: each counts once. */
  readonly answerIds?: readonly string[];
  /** Where somebody said that they have seen it: there it need not be said again. */
  readonly seenAt?: string;
}

export interface Digest {
  readonly dueAtMs: EpochMs;
  readonly lines: readonly string[];
}

export interface OncallState extends Outbox {
  /** Those that are open, by the number of the event that opened each. */
  readonly episodes: Readonly<Record<string, Episode>>;
  /** What is collected for each target. */
  readonly digests: Readonly<Record<string, Digest>>;
}

export const emptyOncall: OncallState = { ...emptyOutbox, episodes: {}, digests: {} };

/** How often somebody was woken since the start: an episode counts once, however often its page is tried. */
export interface ToldCounts {
  readonly pages: number;
  readonly escalations: number;
}

/** Pages that will not be taken where they were to be: for these episodes, others are paged in their place. */
export function passOver(
  state: OncallState,
  lost: readonly { readonly target: string; readonly dedupKey: string }[],
): OncallState {
  let { episodes } = state;
  for (const { target, dedupKey } of lost) {
    const found = Object.entries(episodes).find(([, episode]) => episode.dedupKey === dedupKey);
    if (!found) continue;
    const [key, episode] = found;
    const told: Told = { ...episode.told, refusedBy: [...(episode.told.refusedBy ?? []), target] };
    episodes = { ...episodes, [key]: { ...episode, told } };
  }
  return episodes === state.episodes ? state : { ...state, episodes };
}
