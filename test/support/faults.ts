import { type Row, runFaults, SCENARIOS } from '../../tools/faults/run';
import { templates } from '../../tools/templates';
import type { Compute } from '../../workload/contract';
import { TEST_DIST } from './host-bundles';

/** Small fault runs, always from the same seed. */

const deployed = templates();

/** Pictures and signals of each: the fewest with which the scenario means something, and defects show. */
const SIZES: Readonly<Record<string, readonly [images: number, kills: number]>> = {
  kill: [60, 7],
  lambda: [40, 4],
  stop: [40, 6],
  poison: [200, 0],
  slow: [4, 0],
  storage: [40, 0],
  fuzz: [150, 0],
  soak: [120, 0],
};

export async function faultRun(name: string, way: Compute, dist = TEST_DIST): Promise<Row> {
  const [images, kills] = SIZES[name] as readonly [number, number];
  const [row] = await runFaults({
    seed: 4,
    scenarios: SCENARIOS.filter((scenario) => scenario.name === name),
    ways: [way],
    images,
    kills,
    pool: 12,
    templates: deployed,
    dist,
    cleanDist: TEST_DIST,
    signal: new AbortController().signal,
  });
  return row as Row;
}
