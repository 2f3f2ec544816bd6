import { startWay } from '../../../tools/local/ways';
import { COMPUTES, type Compute } from '../../../workload/contract';
import { end } from '../../support/command-line';
import { row, tryStage } from '../../support/deployed';
import { TEST_DIST } from '../../support/host-bundles';
import { templates } from '../../support/templates';

/** The command against each way, which really works: the bundle that is deployed, on the endpoints of the local run. */

const stage = tryStage();

/** How many are InService, or running, as the test's AWS says. */
const UNITS: Readonly<Record<Compute, string | undefined>> = {
  ec2: 'most instances',
  'ecs-fargate': 'most tasks',
  'ecs-ec2': 'most tasks',
  'eks-ec2': 'most nodes',
  lambda: undefined,
  'eks-fargate': undefined,
};

test.each(COMPUTES)('%s comes with its figures beside the predicted ones, and nothing stays', async (compute) => {
  const { endpoints, aws, pictures } = stage;
  const way = await startWay(compute, templates()[compute], endpoints, { dist: TEST_DIST, onLine: () => {} });
  aws.stacks.set('Renamed', { way: compute, status: 'UPDATE_ROLLBACK_COMPLETE' });
  try {
    const { code, stdout, stderr } = await end(stage.begin(['Renamed', pictures]));
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('removed 3 uploads and 7 results\n') });
    expect(stderr).toMatch(
      /^Renamed in us-east-1 is .*, not yet seen on AWS\n3 uploads of 3 pictures cost at most \$0\.\d+ /,
    );
    expect(row(stdout, 'done')).toEqual(['2', '2', 'inside']);
    expect(row(stdout, 'rejected')).toEqual(['1', '1', 'inside']);
    expect(row(stdout, '  corrupt')).toEqual(['1', '1', 'inside']);
    expect(row(stdout, 'failed')).toEqual(['0', '0', 'inside']);
    const time = expect.stringMatching(/^[\d.]+ (ms|s|min)$/);
    for (const name of ['first result', 'last result', 'upload to result, p50', 'upload to result, p95']) {
      expect(row(stdout, name)).toEqual([time, expect.stringMatching(/\d/), expect.stringMatching(/^(in|out)side$/)]);
    }
    expect(row(stdout, 'most without a result')?.[1]).toMatch(/3$/);
    const name = UNITS[compute];
    if (name) expect(row(stdout, name)?.[0]).toBe('2');
    else expect(stdout).toContain('run is not shown');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const left = [way.sourceBucket, way.outputBucket].flatMap((bucket) => endpoints.listObjects(bucket));
    expect(left).toEqual([]);
  } finally {
    await way.stop();
  }
});
