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
});

describe('bin/app.ts', () => {
  test.each(CHOICES)(
    'makes the templates that are tested here, when the reader chooses %s',
    async (name, _, settings) => {
      const app = await (runs.get(name) as Promise<AppRun>);
      expect(app.stderr.replace(/^.*StepScalingActionProps#cooldown is deprecated.*\n.*\n/, '')).toBe('');
      expect(app.status).toBe(0);
      for (const way of WAYS) {
        expect(app.template(way)).toEqual(synth(way, settings).template);
        expect(app.tags(way)).toEqual({ project: 'four-ways' });
      }
    },
  );
});
