import { faultRows, faultScenarios, faultsLeftOut, scenarios } from '../../../tools/compare/page/failure';
import type { Template } from '../../../tools/templates';
import { COMPUTES, type Compute } from '../../../workload/contract';
import { templates } from '../../support/templates';
import { faults } from './sources';

const all = templates();

/** What is said after a text within a template was replaced. */
function replaced(way: Compute, text: string, by: string) {
  const json = JSON.stringify(all[way]);
  expect(json).toContain(text);
  return () => scenarios({ ...all, [way]: JSON.parse(json.replaceAll(text, by)) as Template });
}

test('every way has something to say of every failure', () => {
  const said = scenarios(all);
  expect(said).toHaveLength(7);
  for (const { title, ways } of said) {
    expect(Object.keys(ways)).toEqual(COMPUTES);
    expect([title, ...Object.values(ways).filter((text) => !text.endsWith('.'))]).toEqual([title]);
  }
});

test('what was measured follows, of the ways that it was measured on', () => {
  const killed = scenarios(all, faults).find(({ title }) => title === 'A killed worker')?.ways;
  expect(killed?.ec2).toMatch(/failure queue\. Measured: 12 kills in 200 images, none lost\.$/);
  expect(killed?.['ecs-ec2']).not.toContain('Measured');
  const [row] = faults.rows;
  const bad = { ...faults, rows: [{ ...row, faults: { SIGTERM: 3 }, lost: 2, way: 'ecs-ec2' } as typeof row] };
  const lost = scenarios(all, bad as typeof faults).find(({ title }) => title === 'A killed worker')?.ways;
  expect(lost?.['ecs-ec2']).toMatch(/Measured: 0 kills in 200 images, 2 lost\.$/);
});

test.each<[Compute, string, string, RegExp]>([
  ['ec2', '"maxReceiveCount":5', '"maxReceiveCount":4', /"A killed worker" is no longer true of ec2: .* says 4$/],
  [
    'ecs-fargate',
    '"Rollback":true',
    '"Rollback":false',
    /"A bad deployment" is no longer true of ecs-fargate: .*false$/,
  ],
  ['lambda', '"MaximumRetryAttempts":2', '"MaximumRetryAttempts":1', /no longer true of lambda: .* says 1$/],
  ['eks-ec2', '\\"queueLength\\":\\"25\\"', '\\"queueLength\\":\\"50\\"', /"S3 away for half an hour" .* eks-ec2/],
  ['ecs-ec2', '"Threshold":1800', '"Threshold":600', /no longer true of ecs-ec2: .* Threshold 1800, but/],
])('on %s, %s cannot become %s unnoticed', (way, text, by, said) => {
  expect(replaced(way, text, by)).toThrow(said);
});

test('the fault table has a row for each scenario on each way, and says what it lacks', () => {
  expect(faultRows(faults).map(({ scenario, way }) => `${scenario} ${way}`)).toContain('kill lambda');
  expect(faultRows(faults)[0]?.cells).toEqual(['yes', '200', '12', '0', '0', '0', '0', '0', '9', '61 s']);
  expect(faultScenarios(faults).map(([name]) => name)).toEqual(['kill']);
  expect(faultsLeftOut(faults)).toMatch(/^ Not measured in this run: .*soak\.$/);
});
