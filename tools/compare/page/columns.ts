import { FOUR_WAYS } from '../../../lib/ways';
import { COMPUTES } from '../../../workload/contract';

/** Which columns of the side by side are shown at first, in the order of the ways: more than these four are hard to read. */
export const SHOWN_FIRST: readonly boolean[] = COMPUTES.map((way) => FOUR_WAYS.some((one) => one === way));

/**
 * The rows of the columns that are shown. Every line moves up as far as the lines of its own column let it, beside what the
 * other columns have there. So it depends on what is shown, and is done anew when somebody chooses other columns.
 */
export function packed<Cell>(
  rows: readonly (readonly (Cell | undefined)[])[],
  shown: readonly boolean[],
): readonly (readonly (Cell | undefined)[])[] {
  const result: (Cell | undefined)[][] = [];
  const height = shown.filter(Boolean).map(() => 0);
  for (const all of rows) {
    const row = all.filter((_, i) => shown[i]);
    const level = Math.max(...height.filter((_, i) => row[i] !== undefined));
    row.forEach((cell, i) => {
      if (cell === undefined) return;
      result[level] ??= height.map(() => undefined);
      (result[level] as (Cell | undefined)[])[i] = cell;
      height[i] = level + 1;
    });
  }
  return result;
}

/** Whether all columns of a row have the same line, and which of them have one that some others have too, and not all. */
export function looks(lines: readonly (string | undefined)[]): { same: boolean; shared: readonly boolean[] } {
  const same = lines.every((line) => line === lines[0]);
  const shared = lines.map((line) => !same && line !== undefined && lines.filter((each) => each === line).length > 1);
  return { same, shared };
}
