/**
 * Linear regression on few rows, held towards what is believed beforehand: with no rows it answers the belief, with many the data.
 *
 * - Hoerl & Kennard, Ridge Regression, Technometrics 12 (1970); the Bayesian reading is a normal prior around `prior`.
 */

/** Normal equations of a weighted regression, gathered row by row. */
export interface Ridge {
  add(row: Float64Array, target: number, weight: number): void;
  /** Coefficients; `penalty` is the variance of the noise over the variance of the belief. Cost: O(n³) of few columns. */
  solve(prior: readonly number[], penalty: number): Float64Array;
}

export function createRidge(columnCount: number): Ridge {
  const gram = new Float64Array(columnCount * columnCount);
  const moment = new Float64Array(columnCount);
  return {
    add(row, target, weight) {
      for (let i = 0; i < columnCount; i++) {
        const scaled = weight * row[i]!;
        moment[i]! += scaled * target;
        for (let j = 0; j <= i; j++) gram[i * columnCount + j]! += scaled * row[j]!;
      }
    },
    solve(prior, penalty) {
      const lower = Float64Array.from(gram);
      const answer = Float64Array.from(moment);
      for (let i = 0; i < columnCount; i++) {
        lower[i * columnCount + i]! += penalty;
        answer[i]! += penalty * prior[i]!;
      }
      factorise(lower, columnCount);
      substitute(lower, answer, columnCount);
      return answer;
    },
  };
}

/** Cholesky, in place; the penalty on the diagonal keeps it positive. */
function factorise(lower: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = lower[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= lower[i * n + k]! * lower[j * n + k]!;
      lower[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[j * n + j]!;
    }
  }
}

function substitute(lower: Float64Array, answer: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) answer[i]! -= lower[i * n + k]! * answer[k]!;
    answer[i]! /= lower[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) answer[i]! -= lower[k * n + i]! * answer[k]!;
    answer[i]! /= lower[i * n + i]!;
  }
}
