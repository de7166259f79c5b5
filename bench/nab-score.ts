/**
 * How the Numenta Anomaly Benchmark scores a detector, after the specification beside its data (nab/SCORING.md): rows by index, one threshold for the whole corpus.
 *
 * - Lavin & Ahmad, Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark, ICMLA 2015.
 */
export const nabProfiles = {
  standard: { truePositive: 1, falsePositive: 0.11, falseNegative: 1 },
  reward_low_FP_rate: { truePositive: 1, falsePositive: 0.22, falseNegative: 1 },
  reward_low_FN_rate: { truePositive: 1, falsePositive: 0.11, falseNegative: 2 },
} as const;

export type NabProfileName = keyof typeof nabProfiles;
type NabProfile = (typeof nabProfiles)[NabProfileName];

export interface NabFile {
  /** One a row, in [0, 1]. */
  readonly scores: readonly number[];
  /** Rows from and to, both inside, in order. */
  readonly windows: readonly (readonly [number, number])[];
}

export interface NabScore {
  readonly threshold: number;
  readonly raw: number;
  /** 0: never fires; 100: every window at its first row, and nothing else. */
  readonly normalised: number;
}

const probationRatio = 0.15;
const probationRowsMax = 0.15 * 5_000;
const thresholdOfNothing = 1.1;

export function probationRows(rowCount: number): number {
  return Math.min(Math.floor(probationRatio * rowCount), probationRowsMax);
}

/** What each row would be worth, were it fired at. */
export function rowWeights({ scores, windows }: NabFile, profile: NabProfile): Float64Array {
  const weights = new Float64Array(scores.length);
  let next = 0;
  for (let row = 0; row < weights.length; row++) {
    while (next < windows.length && windows[next]![1] < row) next++;
    const inside = windows[next];
    const before = windows[next - 1];
    if (inside && row >= inside[0]) {
      const width = inside[1] - inside[0] + 1;
      weights[row] = (profile.truePositive * sigmoid(-(inside[1] - row + 1) / width)) / sigmoid(-1);
    } else if (before) {
      weights[row] = profile.falsePositive * sigmoid((row - before[1]) / (before[1] - before[0]));
    } else weights[row] = -profile.falsePositive;
  }
  return weights;
}

/** The best threshold in hindsight, as the published scores have it; among equals the highest. */
export function scoreNab(files: readonly NabFile[], profileName: NabProfileName): NabScore {
  const profile = nabProfiles[profileName];
  const rows = rowsOf(files, profile);
  const scorable = files.reduce((sum, file) => sum + scorableWindows(file), 0);
  const best = new Map<number, number>();
  let raw = -profile.falseNegative * scorable;
  let kept = { threshold: thresholdOfNothing, raw };
  for (let index = 0; index < rows.length;) {
    const threshold = rows[index]!.score;
    for (; index < rows.length && rows[index]!.score === threshold; index++) {
      const { weight, window } = rows[index]!;
      if (window === undefined) raw += weight;
      else {
        const known = best.get(window);
        if (known === undefined) raw += profile.falseNegative + weight;
        else if (weight > known) raw += weight - known;
        best.set(window, Math.max(known ?? -Infinity, weight));
      }
    }
    if (raw > kept.raw) kept = { threshold, raw };
  }
  return { ...kept, normalised: normalise(files, kept.raw, profile) };
}

/** At a threshold that was fixed beforehand. */
export function scoreNabAt(files: readonly NabFile[], profileName: NabProfileName, threshold: number): NabScore {
  const profile = nabProfiles[profileName];
  const best = new Map<number, number>();
  let raw = -profile.falseNegative * files.reduce((sum, file) => sum + scorableWindows(file), 0);
  for (const { score, weight, window } of rowsOf(files, profile)) {
    if (score < threshold) break;
    if (window === undefined) raw += weight;
    else best.set(window, Math.max(best.get(window) ?? -Infinity, weight));
  }
  for (const weight of best.values()) raw += profile.falseNegative + weight;
  return { threshold, raw, normalised: normalise(files, raw, profile) };
}

function normalise(files: readonly NabFile[], raw: number, profile: NabProfile): number {
  const windowCount = files.reduce((sum, { windows }) => sum + windows.length, 0);
  const none = -profile.falseNegative * windowCount;
  return (100 * (raw - none)) / (profile.truePositive * windowCount - none);
}

interface Row {
  readonly score: number;
  readonly weight: number;
  /** Which window of the corpus it lies in. */
  readonly window: number | undefined;
}

/** Every row that counts, the highest score first. */
function rowsOf(files: readonly NabFile[], profile: NabProfile): readonly Row[] {
  const rows: Row[] = [];
  let windowsBefore = 0;
  for (const file of files) {
    const weights = rowWeights(file, profile);
    for (let row = probationRows(file.scores.length); row < weights.length; row++) {
      const place = file.windows.findIndex(([from, to]) => row >= from && row <= to);
      rows.push({
        score: file.scores[row]!,
        weight: weights[row]!,
        window: place === -1 ? undefined : windowsBefore + place,
      });
    }
    windowsBefore += file.windows.length;
  }
  return rows.sort((left, right) => right.score - left.score);
}

function scorableWindows({ scores, windows }: NabFile): number {
  return windows.filter(([, to]) => to >= probationRows(scores.length)).length;
}

function sigmoid(place: number): number {
  return place > 3 ? -1 : 2 / (1 + Math.exp(5 * place)) - 1;
}
