import { FALSE_ALARM, withoutFalseAlarm } from '../../lib/constructs/false-alarm';
import { type AppRun, runApp, type Settings, synth, WAYS } from '../support/synth';

const READER = 'arn:aws:iam::123456789012:role/reader';

const CHOICES: [name: string, context: Record<string, string>, settings: Settings][] = [
  ['nothing', {}, {}],
  [
    'all there is',
    { production: 'true', spot: 'true', clusterAdmin: READER },
    { production: true, spot: true, clusterAdmin: READER },
  ],
];

/** They run beside each other, while this process synthesizes. */
const runs = new Map<string, Promise<AppRun>>();
beforeAll(() => {
  for (const [name, context] of CHOICES) runs.set(name, runApp(context));
  runs.set('a value that is none', runApp({ production: 'yes' }));
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
    const { status, stderr } = await (runs.get('a value that is none') as Promise<AppRun>);
    expect(stderr).toBe('The switch production is "yes": expected true or false\n');
    expect(status).toBe(1);
  });

  test.each(CHOICES)(
    'makes the templates that are tested here, when the reader chooses %s',
    async (name, _, settings) => {
      const app = await (runs.get(name) as Promise<AppRun>);
      expect(app.stderr).toBe('');
      expect(app.status).toBe(0);
      for (const way of WAYS) {
        expect(app.template(way)).toEqual(synth(way, settings).template);
        expect(app.tags(way)).toEqual({ project: 'four-ways' });
      }
    },
  );
});
