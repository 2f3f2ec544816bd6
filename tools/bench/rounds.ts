/** Takes samples in turns, round after round, so that what disturbs this machine disturbs all that is compared. */

export interface Contestant<Sample> {
  readonly name: string;
  /** In how many rounds it takes part, from the first on. */
  readonly rounds: number;
  readonly sample: () => Promise<Sample>;
  readonly samples: Sample[];
}

/** Of what is measured in CPU-seconds, and of what takes long. The same in a quick run as in a full one. */
export const ROUNDS = 5;
export const FEW_ROUNDS = 3;

export function contestant<Sample>(name: string, rounds: number, sample: () => Promise<Sample>): Contestant<Sample> {
  return { name, rounds, sample, samples: [] };
}

/** @param onSample called before each sample, with how many there are in all; what it throws ends the rounds */
export async function takeRounds(
  contestants: readonly Contestant<unknown>[],
  onSample: (note: string, total: number) => void,
): Promise<void> {
  const total = contestants.reduce((sum, { rounds }) => sum + rounds, 0);
  const last = Math.max(...contestants.map(({ rounds }) => rounds));
  for (let round = 1; round <= last; round += 1) {
    for (const { name, rounds, sample, samples } of contestants) {
      if (round > rounds) continue;
      onSample(`round ${round} of ${last}: ${name}`, total);
      samples.push(await sample());
    }
  }
}
