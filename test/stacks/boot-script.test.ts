import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { digestOfFiles } from '../../lib/constructs/worker-boot';
import { logLine } from '../../workload/log';
import { environmentOf, Instance, type Run, theOne, userDataOf, type WorkerState } from '../support/boot-script';
import { synth } from '../support/synth';

/** What EC2's instances do at their first start and at their end: the scripts of the template, run. */

// The script is made for Amazon Linux: bash, and the options that GNU gives its tools.
const onLinux = process.platform === 'linux' && existsSync('/bin/bash') ? describe : describe.skip;

const { template } = synth('ec2');
/** With the region filled in, which stands in a command without quotes. */
const userData = userDataOf(template).replace('--region <AWS::Region>', '--region eu-west-1');
const environment = environmentOf(userData);

/** What the worker says when it can take work. */
const STARTED = (() => {
  const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  logLine({ Compute: 'ec2', State: 'started', DecodeSlots: 1 });
  const [[line] = []] = write.mock.calls;
  write.mockRestore();
  return String(line);
})();

/** An instance that downloads what was deployed: the bundle that the template was made from. */
function newInstance(): Instance {
  const made = new Instance();
  writeFileSync(path.join(made.zip, 'index.js'), 'one');
  made.worker({ says: STARTED });
  return made;
}

let instance: Instance;
beforeEach(() => {
  instance = newInstance();
});
afterEach(() => instance.remove());

/** Where in a run the first call stands that begins like this. */
const position = ({ calls }: Run, call: string) => {
  const index = calls.findIndex((each) => each.startsWith(call));
  expect(`${call}: ${index >= 0}`).toBe(`${call}: true`);
  return index;
};

/** The calls that begin like one of these, in the order in which they were made. */
const only = ({ calls }: Run, ...beginnings: string[]) =>
  calls.filter((call) => beginnings.some((beginning) => call.startsWith(beginning)));

const START_DRAIN = 'systemctl enable --now drain.service';
const START_AGENT = 'amazon-cloudwatch-agent-ctl -a fetch-config';
const START_WORKER = 'systemctl enable --now logrotate.timer worker.service';
const LOOK = 'systemctl show worker --property NRestarts --value';

/** What a boot does that has failed: ship what systemd knows, have the drain end this instance, and tell a rollout. */
const GIVE_UP = [
  'systemctl status worker --no-pager --full --lines 50',
  'sleep 20',
  'touch /run/boot-failed',
  'systemd-run --on-active=3min systemctl poweroff',
  expect.stringMatching(/^cfn-signal .* -e 1$/),
];

onLinux('the boot', () => {
  test('ends with a worker that can take work, tells a rollout so, and nobody else', () => {
    const run = instance.boot(userData);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.calls.slice(-2)).toEqual([START_WORKER, expect.stringMatching(/^cfn-signal .* -e 0$/)]);
    expect(instance.has('/run/boot-failed')).toBe(false);
  });

  test('is over when no rollout waits for it, and CloudFormation refuses the signal', () => {
    expect(instance.boot(userData, { fail: 'cfn-signal' })).toMatchObject({ status: 0, stderr: '' });
  });

  test('starts the drain first, which takes the instance away when anything fails', () => {
    const run = instance.boot(userData);
    expect(run.calls.slice(0, position(run, START_DRAIN)).map((call) => call.split(' ')[0])).toEqual([
      'cat', // the unit of the worker, which it stops
      'cat',
      'chmod',
      'cat',
      'systemctl',
    ]);
    expect(run.calls[position(run, START_DRAIN) - 1]).toBe('systemctl daemon-reload');
  });

  test('then the agent, before anything else that can fail, so that a failure can be read', () => {
    const run = instance.boot(userData);
    // What comes before it: the packages, of which it is one, and its own settings.
    const between = run.calls.slice(position(run, START_DRAIN) + 1, position(run, START_AGENT));
    expect(between.map((call) => call.split(' ')[0])).toEqual(['dnf', 'cat']);
    expect(run.calls[position(run, START_AGENT)]).toContain('file:/opt/aws/amazon-cloudwatch-agent/etc/worker.json');
    const files = JSON.parse(instance.read('/opt/aws/amazon-cloudwatch-agent/etc/worker.json')).logs.logs_collected;
    expect(files.files.collect_list).toContainEqual(
      expect.objectContaining({ file_path: '/var/log/cloud-init-output.log' }),
    );
  });

  test('installs what it uses, and does not hope for it', () => {
    const [call = ''] = only(instance.boot(userData), 'dnf');
    expect(call.split(' ').slice(4).sort()).toEqual(
      ['amazon-cloudwatch-agent', 'aws-cfn-bootstrap', 'logrotate', 'nodejs24', 'unzip'].sort(),
    );
  });

  test('starts the worker when its code, its user, its log and its settings are there', () => {
    const run = instance.boot(userData);
    const worker = position(run, START_WORKER);
    for (const step of ['aws s3 cp', 'unzip', 'useradd', 'install --directory', 'systemctl daemon-reload']) {
      expect(position(run, step)).toBeLessThan(worker);
    }
    const unit = instance.read('/etc/systemd/system/worker.service');
    expect(unit).toContain('EnvironmentFile=/etc/worker.env\n');
    expect(unit).toContain('ExecStart=/usr/bin/node-24 /opt/worker/index.js\n');
    expect(instance.read('/opt/worker/index.js')).toBe('one');
    expect(instance.read('/etc/logrotate.d/worker')).toMatch(/^\/var\/log\/worker\/worker\.log \{\n/);
    expect(run.calls[position(run, 'install --directory')]).toMatch(/ --owner=worker .* \/var\/log\/worker$/);
  });

  test('hands the worker exactly its variables', () => {
    instance.boot(userData);
    const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
    expect(lines.length).toBeGreaterThan(0);
    expect(instance.read('/etc/worker.env')).toBe(lines.join(''));
  });

  test('gives up, and starts no worker, whichever step fails', () => {
    const { calls } = instance.boot(userData);
    const ends = calls.map((call, index) => {
      const other = newInstance();
      const run = other.boot(userData, { fail: index + 1 });
      other.remove();
      expect(run.calls.slice(0, index + 1)).toEqual(calls.slice(0, index + 1));
      return [call, run.status === 0 ? 'up' : run.calls.slice(index + 1)];
    });
    // Before the packages are there is nothing to tell a rollout with: it waits, and then gives up too.
    const packages = calls.findIndex((call) => call.startsWith('dnf'));
    const expected = calls.map((call, index) => {
      if (call.startsWith('cfn-signal')) return [call, 'up'];
      return [call, index <= packages ? GIVE_UP.slice(0, -1) : GIVE_UP];
    });
    expect(ends).toEqual(expected);
    expect(packages).toBeGreaterThan(0);
  });

  test.each(GIVE_UP.slice(0, -1) as string[])('gives up all the same when `%s` fails', (fail) => {
    const packages = instance.boot(userData.replace('dnf install', 'dnf() { false; }; dnf install'), { fail });
    expect(packages.status).not.toBe(0);
    expect(packages.calls.slice(-4)).toEqual(GIVE_UP.slice(0, -1));
  });

  test('gives up on a variable that nobody sets', () => {
    const run = instance.boot(userData.replace(/^BUNDLE_URL=.*\n/m, ''));
    expect(run.status).not.toBe(0);
    expect(run.calls.slice(-5)).toEqual(GIVE_UP);
  });
});

onLinux('the boot, of its worker,', () => {
  test('waits until it can take work', () => {
    instance.worker({ saysLater: STARTED, looks: 3 });
    const run = instance.boot(userData);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(only(run, LOOK, 'sleep')).toEqual([LOOK, 'sleep 1', LOOK, 'sleep 1', LOOK, 'sleep 1']);
  });

  test.each<[what: string, worker: WorkerState, looks: number]>([
    ['it ended and was started again', { restarts: 1 }, 1],
    ['it says something else, and ends', { says: 'worker: QUEUE_URL is not set\n', restarts: 1 }, 1],
    ['it is not ready in time', { says: 'Still waiting\n' }, 4],
  ])('gives up when %s', (_, worker, looks) => {
    expect(userData).toContain('\nseconds=60\n');
    instance.worker(worker);
    const run = instance.boot(userData.replace('\nseconds=60\n', '\nseconds=3\n'));
    expect(run.status).not.toBe(0);
    expect(run.stderr).toMatch(/^Not started: the worker ended, or was not ready within a minute\. [^\n]*\n$/);
    expect(only(run, LOOK)).toHaveLength(looks);
    expect(run.calls.slice(-5)).toEqual(GIVE_UP);
  });

  test('gives up when systemd cannot be asked', () => {
    instance.worker({});
    const run = instance.boot(userData, { fail: LOOK });
    expect(run.status).not.toBe(0);
    expect(run.calls.slice(-5)).toEqual(GIVE_UP);
  });
});

onLinux('the boot, of what it downloads,', () => {
  const file = (name: string, content = '') => {
    const location = path.join(instance.zip, name);
    mkdirSync(path.dirname(location), { recursive: true });
    writeFileSync(location, content);
  };
  let expecting: string;
  beforeEach(() => {
    file('index.js', 'one');
    file('node_modules/two/Two words.js', 'one');
    file('node_modules/-o', '');
    file('.dot/lib.so.8', Buffer.alloc(100_000, '\0\xff').toString('latin1'));
    expecting = userData.replace(/^BUNDLE_DIGEST=.*$/m, `BUNDLE_DIGEST='${digestOfFiles(instance.zip)}'`);
    expect(expecting).not.toBe(userData);
  });

  test('starts exactly the files that the stack was synthesized with, and lets nobody but root write to them', () => {
    const run = instance.boot(expecting);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(instance.read('/opt/worker/node_modules/two/Two words.js')).toBe('one');
    expect(position(run, 'chmod --recursive u=rwX,go=rX ')).toBeLessThan(
      position(run, 'mv /opt/unchecked /opt/worker'),
    );
    expect(position(run, 'mv ')).toBeLessThan(position(run, START_WORKER));
  });

  test.each<[change: string, make: (at: (name: string) => string) => void]>([
    ['a byte is changed', (at) => writeFileSync(at('index.js'), 'onf')],
    ['a file is added', (at) => writeFileSync(at('node_modules/more.js'), '')],
    ['a file is missing', (at) => rmSync(at('node_modules/-o'))],
    ['a file is renamed', (at) => renameSync(at('index.js'), at('Index.js'))],
    [
      'two files have changed places',
      (at) => {
        renameSync(at('index.js'), at('other'));
        renameSync(at('node_modules/-o'), at('index.js'));
        renameSync(at('other'), at('node_modules/-o'));
      },
    ],
    ['a file is added whose name has a line break', (at) => writeFileSync(at('a\nb'), '')],
    [
      'a file is a link to one of the same bytes',
      (at) => {
        rmSync(at('index.js'));
        symlinkSync(at('node_modules/two/Two words.js'), at('index.js'));
      },
    ],
    ['a link to a folder is added', (at) => symlinkSync('/etc', at('node_modules/etc'))],
    [
      'there is nothing',
      (at) => {
        rmSync(at('.'), { recursive: true });
        mkdirSync(at('.'));
      },
    ],
  ])('starts nothing when %s', (_, make) => {
    make((name) => path.join(instance.zip, name));
    const run = instance.boot(expecting);
    expect(run.status).not.toBe(0);
    expect(run.stderr).toMatch(
      /^Not started: s3:\/\/.* is not the worker that was deployed, [^\n]*, and deploy again\n$/,
    );
    expect(only(run, 'mv', START_WORKER)).toEqual([]);
    expect(run.calls.slice(-5)).toEqual(GIVE_UP);
  });

  test('the stack names no digest of what would come out of the zip as something else', () => {
    symlinkSync('index.js', path.join(instance.zip, 'link.js'));
    expect(() => digestOfFiles(instance.zip)).toThrow(
      /link\.js" is no file with an ASCII name: run "npm run build" again$/,
    );
    rmSync(path.join(instance.zip, 'link.js'));
    file('ü.js');
    expect(() => digestOfFiles(instance.zip)).toThrow('is no file with an ASCII name');
  });
});

onLinux('the drain', () => {
  const DRAIN = '/usr/local/bin/drain';
  const STATE =
    'curl --silent --fail --max-time 5 --header X-aws-ec2-metadata-token: TOKEN http://169.254.169.254/latest/meta-data/autoscaling';
  const TELL =
    'aws autoscaling set-instance-health --instance-id i-0123456789 --health-status Unhealthy --no-should-respect-grace-period';
  const STOP = 'systemctl stop worker';
  const COMPLETE = 'aws autoscaling complete-lifecycle-action';

  let unit: string;
  beforeEach(() => {
    instance.boot(userData);
    unit = instance.read('/etc/systemd/system/drain.service');
  });

  /** Starts it as its unit says. */
  function drain(fail = ''): Run {
    expect(unit).toContain(`ExecStart=${DRAIN}\n`);
    const pairs = (/^Environment=(.*)$/m.exec(unit)?.[1] ?? '').split(' ').map((pair) => pair.split(/=(.*)/));
    return instance.start(DRAIN, { fail, environment: Object.fromEntries(pairs) });
  }

  test('waits until the group ends the instance, then stops the worker, then says that it has', () => {
    instance.lifecycle('InService', 'InService', 'Terminated');
    const run = drain();
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(only(run, 'sleep', 'systemctl', 'aws')).toEqual([
      'sleep 5',
      'sleep 5',
      STOP,
      expect.stringMatching(COMPLETE),
    ]);
    expect(position(run, STATE)).toBeLessThan(position(run, 'sleep'));
  });

  test('names this instance, its group by its tag, and the hook of the template', () => {
    instance.lifecycle('Terminated');
    const [{ LifecycleHookName }] = theOne(
      template,
      'AWS::AutoScaling::AutoScalingGroup',
    ).LifecycleHookSpecificationList;
    expect(only(drain(), COMPLETE)).toEqual([
      `${COMPLETE} --lifecycle-action-result CONTINUE --lifecycle-hook-name ${LifecycleHookName} --instance-id i-0123456789 --auto-scaling-group-name GROUP`,
    ]);
  });

  test('goes on asking when the metadata service does not answer', () => {
    instance.lifecycle('', 'Terminated');
    const run = drain();
    expect(run.status).toBe(0);
    expect(only(run, 'sleep', STOP)).toEqual(['sleep 5', STOP]);
  });

  test.each([
    ['AWS announces that it takes the Spot instance back', () => instance.announceEnd()],
    ['the boot has failed', () => instance.boot(userData, { fail: START_WORKER })],
  ])('tells the group first when %s, and ends as otherwise', (_, happens) => {
    happens();
    instance.lifecycle('InService');
    const run = drain();
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(only(run, 'sleep', 'systemctl', 'aws')).toEqual([TELL, STOP, expect.stringMatching(COMPLETE)]);
  });

  test('tells the group nothing that it knows', () => {
    instance.announceEnd();
    instance.lifecycle('Terminated');
    expect(only(drain(), 'systemctl', 'aws')).toEqual([STOP, expect.stringMatching(COMPLETE)]);
  });

  test('says that the worker has stopped only when the group waits for it', () => {
    instance.announceEnd();
    instance.lifecycle('InService');
    instance.lifecycleWhenTold('InService', 'InService', 'Terminated');
    const run = drain();
    expect(only(run, 'sleep', 'systemctl', 'aws')).toEqual([
      TELL,
      STOP,
      'sleep 5',
      'sleep 5',
      expect.stringMatching(COMPLETE),
    ]);
  });

  test.each([
    ['the worker is not stopped', STOP],
    [
      'the group is not found',
      'curl --silent --fail --max-time 5 --header X-aws-ec2-metadata-token: TOKEN http://169.254.169.254/latest/meta-data/tags',
    ],
    ['the group is not told that the worker has stopped', COMPLETE],
    ['the group is not told that the instance has to go', TELL],
  ])('fails when %s, and is started again by systemd', (_, step) => {
    instance.announceEnd();
    instance.lifecycle('InService');
    const run = drain(step);
    expect(run.status).not.toBe(0);
    expect(unit).toContain('Restart=on-failure\n');
    const again = drain();
    expect(again.status).toBe(0);
    expect(position(again, STOP)).toBeLessThan(position(again, COMPLETE));
  });
});
