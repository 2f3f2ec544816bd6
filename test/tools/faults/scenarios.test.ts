import { FAULT_TEST_MS, faultRun, SMALLEST } from '../../support/faults';

// The templates that the other test files read too.
jest.mock('../../../tools/templates', () => jest.requireActual('../../support/templates'));

/** A sample of `scenarios.deep.test.ts` for the edit loop: the scenario that most of the workload goes through. */

// Processes are watched through /proc.
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
  'the promises hold through kill on ec2',
  async () => {
    const row = await faultRun('kill', 'ec2', { sizes: SMALLEST });
    expect(row).toMatchObject({ lost: 0, missing: 0, extra: 0, different: 0, outdated: 0, broken: [], ok: true });
    expect(row.faults.duplicates).toBeGreaterThan(0);
  },
  FAULT_TEST_MS,
);
