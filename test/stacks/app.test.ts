import { FALSE_ALARM, withoutFalseAlarm } from '../../lib/constructs/false-alarm';
import { type AppRun, runApp, synth, WAYS } from '../support/synth';

const READER = 'arn:aws:iam::123456789012:role/reader';
const ADDRESS = 'you@example.com';

/** They run beside each other, while this process synthesizes. */
const runs = {
  chosen: { production: 'true', spot: 'true', zones: 'a,c', clusterAdmin: READER, alarmEmail: ADDRESS },
  wrong: { production: 'yes' },
};
const ended: Partial<Record<keyof typeof runs, Promise<AppRun>>> = {};
beforeAll(() => {
  for (const [name, context] of Object.entries(runs)) ended[name as keyof typeof runs] = runApp(context);
});

test('the one warning that is kept back is what CDK says of its own `scaleOnMetric`, and another is printed', () => {
  const warn = jest.spyOn(console, 'warn').mockImplementation();
  // In front of what keeps it back: CDK says it once in a process, so this has to be the first test.
  synth('ec2');
  expect(warn.mock.calls).toEqual([['[WARNING]', FALSE_ALARM]]);
  withoutFalseAlarm();
  console.warn('[WARNING]', FALSE_ALARM);
  console.warn('[WARNING]', FALSE_ALARM.replace('cooldown', 'other'));
  expect(warn.mock.calls.slice(1)).toEqual([['[WARNING]', FALSE_ALARM.replace('cooldown', 'other')]]);
  warn.mockRestore();
}, 120_000);

describe('bin/app.ts', () => {
  test('says in one line what is wrong with a switch, and ends with 1', async () => {
    const app = await ended.wrong;
    expect(app?.stderr).toBe('The switch production is "yes": expected true or false\n');
    expect(app?.status).toBe(1);
  });

  test('makes the templates that are tested here, with all that may be chosen', async () => {
    const app = await ended.chosen;
    expect(app?.stderr).toBe('');
    expect(app?.status).toBe(0);
    for (const way of WAYS) {
      const chosen = { production: true, spot: true, zones: ['a', 'c'], clusterAdmin: READER, alarmEmail: ADDRESS };
      expect(app?.template(way)).toEqual(synth(way, chosen).template);
      expect(app?.tags(way)).toEqual({ project: 'four-ways' });
    }
  });
});
