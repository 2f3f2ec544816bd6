import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build as esbuild } from 'esbuild';
import { buildBundles, ENTRY_POINTS, scriptOptions } from '../../tools/build/build';
import { describeBundle } from '../../tools/sbom';

const ROOT = path.resolve(__dirname, '../..');
const HOST = `${process.platform}-${process.arch}`;

type Bill = Awaited<ReturnType<typeof describeBundle>>;

let dist: string;
let bills: Record<'lambda-host' | 'worker-host', Bill>;
beforeAll(async () => {
  dist = mkdtempSync(path.join(tmpdir(), 'sbom-'));
  await buildBundles(['host'], dist);
  bills = {
    'lambda-host': await describeBundle('lambda-host', dist),
    'worker-host': await describeBundle('worker-host', dist),
  };
});
afterAll(() => rmSync(dist, { recursive: true }));

const names = ({ components }: Pick<Bill, 'components'>) => components.map(({ name }) => name);
const inside = (bill: Bill, file: string) =>
  (bill.dependencies.find(({ ref }) => ref === file)?.dependsOn ?? []).map((ref) =>
    ref.replace(/^pkg:npm\/(.+)@.+$/, '$1').replace('%40', '@'),
  );

describe.each(['lambda-host', 'worker-host'] as const)('the bill of materials of %s', (name) => {
  test('lists the packages whose code is in the bundle, and no others', async () => {
    // By the source map, which says of every piece of the output where it comes from: another witness than the one asked.
    const kind = name === 'lambda-host' ? 'lambda' : 'worker';
    const scripts: Readonly<Record<string, string>> = ENTRY_POINTS[kind];
    let found = 0;
    for (const [file, entry] of Object.entries(scripts)) {
      const { outputFiles } = await esbuild({
        ...scriptOptions(kind),
        entryPoints: [entry],
        outfile: file,
        write: false,
        sourcemap: 'external',
        sourcesContent: false,
      });
      const { sources } = JSON.parse(outputFiles.find(({ path: each }) => each.endsWith('.map'))?.text ?? '') as {
        sources: string[];
      };
      const packages = sources.flatMap((source) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []);
      expect(inside(bills[name], file).sort()).toEqual([...new Set(packages)].sort());
      found += new Set(packages).size;
    }
    expect(found).toBeGreaterThan(10);
  });

  test('lists the native package, and what it was linked from', () => {
    expect(names(bills[name])).toEqual(
      expect.arrayContaining(['sharp', `@img/sharp-${HOST}`, `@img/sharp-libvips-${HOST}`, 'vips', 'heif', 'webp']),
    );
    const others = names(bills[name]).filter((each) => each.startsWith('@img/sharp-') && !each.endsWith(HOST));
    expect(others).toEqual([]);
  });

  test('has the versions and hashes of the lock file, and a licence for every package', () => {
    const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
    for (const { name: each, version, purl, hashes, licenses } of bills[name].components) {
      if (!purl?.startsWith('pkg:npm/')) continue;
      const { integrity } = packages[`node_modules/${each}`];
      expect(purl).toBe(`pkg:npm/${each.replace('@', '%40')}@${packages[`node_modules/${each}`].version}`);
      expect(Buffer.from(hashes?.[0]?.content ?? '', 'hex').toString('base64')).toBe(integrity.slice('sha512-'.length));
      expect(licenses?.[0]?.expression).toMatch(/^[A-Za-z0-9]/);
      expect(version).toMatch(/^\d/);
    }
  });

  test('refers to nothing that it does not list, and lists nothing twice', () => {
    const { components, dependencies } = bills[name];
    const refs = [name, ...components.map((component) => component['bom-ref'])];
    expect(new Set(refs).size).toBe(refs.length);
    const used = dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]);
    expect(used.filter((ref) => !refs.includes(ref))).toEqual([]);
  });

  test('is the same again', async () => {
    expect(JSON.stringify(await describeBundle(name, dist))).toBe(JSON.stringify(bills[name]));
  });
});

test('the worker has the queue’s packages, the function has not', () => {
  for (const name of ['sqs-consumer', '@aws-sdk/client-sqs']) {
    expect(names(bills['worker-host'])).toContain(name);
    expect(names(bills['lambda-host'])).not.toContain(name);
  }
});

test('no bundle has what only the tests have brought here', () => {
  for (const bill of Object.values(bills)) expect(names(bill)).not.toContain('supports-color');
});

test('an image has the worker’s, and its base', async () => {
  cpSync(path.join(dist, 'worker-host'), path.join(dist, 'image-host/app'), { recursive: true });
  cpSync(path.join(ROOT, 'containers/resizer/Dockerfile'), path.join(dist, 'image-host/Dockerfile'));
  const bill = await describeBundle('image-host', dist);
  const [base] = bill.components.filter(({ type }) => type === 'container');
  expect(`${base?.name}:${base?.version}`).toBe(
    /^ARG BASE=(.+)$/m.exec(readFileSync(path.join(ROOT, 'containers/resizer/Dockerfile'), 'utf8'))?.[1],
  );
  expect(names(bill)).toEqual([...names(bills['worker-host']), base?.name]);
});

describe('a bill of materials is refused', () => {
  test('of a bundle that is not there', async () => {
    await expect(describeBundle('lambda-arm64', dist)).rejects.toThrow('is missing: run "npm run build" first');
  });

  test('of a bundle that the sources do not make', async () => {
    cpSync(path.join(dist, 'worker-host'), path.join(dist, 'worker-old'), { recursive: true });
    appendFileSync(path.join(dist, 'worker-old/index.js'), '//');
    await expect(describeBundle('worker-old', dist)).rejects.toThrow('index.js is not what the sources make');
  });

  test('of a bundle with a package that nobody has locked', async () => {
    cpSync(path.join(dist, 'worker-host'), path.join(dist, 'worker-planted'), { recursive: true });
    const planted = path.join(dist, 'worker-planted/node_modules/planted');
    mkdirSync(planted);
    writeFileSync(path.join(planted, 'package.json'), '{"name":"planted","version":"1.0.0","license":"MIT"}');
    await expect(describeBundle('worker-planted', dist)).rejects.toThrow('planted is 1.0.0, and undefined in');
  });
});
