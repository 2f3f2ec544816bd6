import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { digestOfFiles } from '../../lib/constructs/worker-boot';
import { Instance, type Run } from '../support/boot-script';
import { Column } from './column';

/** What EC2's instances do at their first start and at their end: the scripts of the template, run. */

// The script is made for Amazon Linux: bash, and the options that GNU gives its tools.
const onLinux = process.platform === 'linux' && existsSync('/bin/bash') ? describe : describe.skip;

const column = Column.of('ec2');
const { userData, environment } = column;
/** An instance that downloads what was deployed: the bundle that the template was made from. */
function newInstance(): Instance {
  const made = new Instance();
  writeFileSync(path.join(made.zip, 'index.js'), 'one');
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

const START_AGENT = 'amazon-cloudwatch-agent-ctl -a fetch-config';
const START_WORKER = 'systemctl enable --now worker.service';

onLinux('the boot', () => {
  test('ends with a worker that is started, and no shutdown', () => {
    const run = instance.boot(userData);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(only(run, 'systemctl enable')).toEqual([expect.stringMatching(/ --now worker\.service drain\.service$/)]);
    expect(only(run, 'shutdown')).toEqual([]);
  });

  test('starts the agent before anything else that can fail, so that a failure can be read', () => {
    const run = instance.boot(userData);
    // What comes before it: the packages, of which it is one, and its own settings.
    expect(run.calls.slice(0, position(run, START_AGENT)).map((call) => call.split(' ')[0])).toEqual(['dnf', 'cat']);
    expect(run.calls[position(run, START_AGENT)]).toContain('file:/opt/aws/amazon-cloudwatch-agent/etc/worker.json');
    const files = JSON.parse(instance.read('/opt/aws/amazon-cloudwatch-agent/etc/worker.json')).logs.logs_collected;
    expect(files.files.collect_list).toContainEqual(
      expect.objectContaining({ file_path: '/var/log/cloud-init-output.log' }),
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
    expect(run.calls[position(run, 'install --directory')]).toMatch(/ --owner=worker .* \/var\/log\/worker$/);
  });

  test('hands the worker exactly its variables', () => {
    instance.boot(userData);
    const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
    expect(lines.length).toBeGreaterThan(0);
    expect(instance.read('/etc/worker.env')).toBe(lines.join(''));
  });

  test('ends in a shutdown, and in no worker, whichever step fails', () => {
    const { calls } = instance.boot(userData);
    const survived = calls.filter((_call, index) => {
      const other = newInstance();
      const run = other.boot(userData, { fail: index + 1 });
      other.remove();
      // Time to ship what it said, and then nothing else than the end.
      const rest = run.calls.slice(index + 1).map((each) => each.split(' ')[0]);
      return run.status === 0 || rest.join() !== 'sleep,shutdown';
    });
    expect(survived).toEqual([]);
    expect(calls.length).toBeGreaterThan(10);
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
    expect(only(run, 'mv', 'systemctl')).toEqual([]);
    expect(run.calls.slice(-2)).toEqual(['sleep 20', 'shutdown -h now']);
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
    'curl --silent --fail --header X-aws-ec2-metadata-token: TOKEN http://169.254.169.254/latest/meta-data/autoscaling';
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
    expect(only(run, STATE, 'sleep', 'systemctl', COMPLETE)).toEqual([
      expect.stringMatching(STATE),
      'sleep 5',
      expect.stringMatching(STATE),
      'sleep 5',
      expect.stringMatching(STATE),
      STOP,
      expect.stringMatching(COMPLETE),
    ]);
  });

  test('names this instance, and the group and the hook of the template', () => {
    instance.lifecycle('Terminated');
    const call = only(drain(), COMPLETE).join();
    expect(call).toContain('--lifecycle-action-result CONTINUE');
    expect(call).toContain('--instance-id i-0123456789 ');
    expect(call).toContain(`--auto-scaling-group-name physical-${column.id('AWS::AutoScaling::AutoScalingGroup')} `);
    expect(call).toContain(`--lifecycle-hook-name physical-${column.id('AWS::AutoScaling::LifecycleHook')}`);
  });

  test('goes on asking when the metadata service does not answer', () => {
    instance.lifecycle('', 'Terminated');
    const run = drain();
    expect(run.status).toBe(0);
    expect(only(run, 'sleep', STOP)).toEqual(['sleep 5', STOP]);
  });

  test.each([
    ['the worker is not stopped', STOP],
    ['the group or the hook is not found', 'aws cloudformation describe-stack-resource'],
    ['the group is not told', COMPLETE],
  ])('fails when %s, and is started again by systemd', (_, step) => {
    instance.lifecycle('Terminated', 'Terminated');
    const run = drain(step);
    expect(run.status).not.toBe(0);
    expect(unit).toContain('Restart=on-failure\n');
    const again = drain();
    expect(again.status).toBe(0);
    expect(position(again, STOP)).toBeLessThan(position(again, COMPLETE));
  });
});
