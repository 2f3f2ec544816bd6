import { SCENARIOS } from '../../../tools/faults/run';
import type { Compute } from '../../../workload/contract';
import { FAULT_TEST_MS, faultRun } from '../../support/faults';

/** The command's own scenarios, small and always the same, on the real bundles. One of each bundle is enough here. */

// Processes are watched through /proc.
const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('the promises hold', () => {
  const rows = SCENARIOS.flatMap(({ name, computes }) =>
    (['ec2', 'lambda'] as const).filter((way) => computes.includes(way)).map((way) => [name, way] as const),
  );
  test.each<readonly [string, Compute]>(rows)(
    'through %s on %s',
    async (name, way) => {
      const row = await faultRun(name, way);
      expect(row).toMatchObject({ lost: 0, missing: 0, extra: 0, different: 0, outdated: 0, broken: [], ok: true });
      // A scenario in which nothing happens holds everything.
      if (name !== 'soak') expect(Object.values(row.faults).reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
    },
    FAULT_TEST_MS,
  );
});
