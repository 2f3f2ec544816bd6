import { prepare, type Row, runFaults, SCENARIOS } from '../../tools/faults/run';
import type { Compute } from '../../workload/contract';
import { TEST_DIST } from './host-bundles';

/** Small fault runs, always from the same seed. */

const SEED = 4;
/** Ends a run that hangs. */
const TIMEOUT_MS = 550_000;

/** What jest is to wait: longer than a run may take, so that the run says itself what is wrong. */
export const FAULT_TEST_MS = TIMEOUT_MS + 50_000;

let prepared: ReturnType<typeof prepare> | undefined;

type Sizes = Readonly<Record<string, readonly [images: number, kills: number]>>;

/** Pictures and signals of each: the fewest with which the scenario means something. */
const SIZES: Sizes = {
  kill: [60, 7],
  lambda: [40, 4],
  stop: [40, 6],
  poison: [200, 0],
  slow: [4, 0],
  storage: [40, 0],
  outage: [24, 0],
  fuzz: [150, 0],
  soak: [120, 0],
};

/** The fewest with which defects show. */
export const SMALLEST: Sizes = {
  kill: [36, 4],
  lambda: [24, 2],
  stop: [20, 3],
  poison: [160, 0],
  slow: [2, 0],
  storage: [30, 0],
  outage: [16, 0],
  fuzz: [100, 0],
  soak: [80, 0],
};

export async function faultRun(
  name: string,
  way: Compute,
  { dist = TEST_DIST, sizes = SIZES, kills }: { dist?: string; sizes?: Sizes; kills?: number } = {},
): Promise<Row> {
  const [images, usual] = sizes[name] as readonly [number, number];
  const options = {
    seed: SEED,
    scenarios: SCENARIOS.filter((scenario) => scenario.name === name),
    ways: [way],
    images,
    kills: kills ?? usual,
    pool: 12,
    dist,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  };
  // Without faults and without defects, the same for all.
  prepared ??= prepare({ ...options, dist: TEST_DIST });
  const [row] = await runFaults(options, await prepared);
  return row as Row;
}
