import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Bundle, buildBundles, checkNative } from '../../tools/build/build';

const ROOT = path.resolve(__dirname, '../..');
const HOST = `${process.platform}-${process.arch}`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'build-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const filesBelow = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [path.join(entry.parentPath, entry.name)] : [],
  );

describe('the host bundles', () => {
  let checkout: string;
  let here: Bundle[];
  let elsewhere: Bundle[];
  beforeAll(async () => {
    here = await buildBundles(['host'], path.join(folder, 'dist'));
    // The same sources in another folder, whose name looks like what is left out of a bundle, for somebody who shares
    // nothing, and over an earlier build.
    checkout = path.join(folder, 'sharp/src/checkout');
    for (const name of ['tools', 'workload', 'lambda', 'package.json', 'tsconfig.json']) {
      cpSync(path.join(ROOT, name), path.join(checkout, name), { recursive: true });
    }
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(checkout, 'node_modules'), 'junction');
    mkdirSync(path.join(checkout, 'dist/lambda-host'), { recursive: true });
    mkdirSync(path.join(checkout, 'dist/worker-host.unfinished'));
    writeFileSync(path.join(checkout, 'dist/lambda-host/old.js'), '');
    writeFileSync(path.join(checkout, 'dist/worker-host.unfinished/half.js'), '');
    const umask = process.umask(0o077);
    try {
      const other = (await import(path.join(checkout, 'tools/build/build.ts'))) as {
        buildBundles: typeof buildBundles;
      };
      elsewhere = await other.buildBundles(['host']);
    } finally {
      process.umask(umask);
    }
  });

  test.each([
    ['lambda-host', 500],
    ['worker-host', 530],
  ] as const)('start with little JavaScript: %s with less than %i kB', (name, most) => {
    // Every byte is compiled at a cold start.
    const directory = path.join(folder, 'dist', name);
    const sizes = readdirSync(directory)
      .filter((file) => file.endsWith('.js'))
      .map((file) => statSync(path.join(directory, file)).size);
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(most * 1000);
  });

  test('are equal, byte for byte, from any checkout into any folder', () => {
    const comparable = (bundles: Bundle[]) => bundles.map(({ directory: _, ...bundle }) => bundle);
    expect(comparable(elsewhere)).toEqual(comparable(here));
    expect(here.map(({ name, directory }) => [name, directory])).toEqual([
      ['lambda-host', path.join(folder, 'dist/lambda-host')],
      ['worker-host', path.join(folder, 'dist/worker-host')],
    ]);
    expect(elsewhere.map(({ directory }) => directory)).toEqual([
      path.join(checkout, 'dist/lambda-host'),
      path.join(checkout, 'dist/worker-host'),
    ]);
    expect(here[0]?.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(here[0]?.hash).not.toBe(here[1]?.hash);
  });

  test('take the place of an earlier build, whole or not', () => {
    expect(readdirSync(path.join(checkout, 'dist')).sort()).toEqual(['lambda-host', 'worker-host']);
    for (const { name, directory } of [...here, ...elsewhere]) {
      const handler = name === 'lambda-host' ? ['handler.js'] : [];
      expect(readdirSync(directory).sort()).toEqual(['decoder-child.js', ...handler, 'index.js', 'node_modules']);
    }
  });

  test('are left alone when they are built again, by several at once, and nothing has changed', async () => {
    const dist = path.join(folder, 'dist');
    const inodes = () => here.flatMap(({ directory }) => filesBelow(directory).map((file) => statSync(file).ino));
    const before = inodes();
    const say = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    const again = await Promise.all([1, 2, 3].map(() => buildBundles(['host'], dist)));
    say.mockRestore();
    expect(again).toEqual([here, here, here]);
    expect(inodes()).toEqual(before);
    expect(readdirSync(dist).sort()).toEqual(['lambda-host', 'worker-host']);
  });

  test('say how many files and bytes they are', () => {
    for (const { directory, files, bytes } of here) {
      const sizes = filesBelow(directory).map((file) => statSync(file).size);
      expect([files, bytes]).toEqual([sizes.length, sizes.reduce((sum, size) => sum + size, 0)]);
    }
  });

  test('have files of one time and one mode, whoever built them', () => {
    const found = [...here, ...elsewhere].flatMap(({ directory }) =>
      filesBelow(directory).map((file) => {
        const { mtimeMs, mode } = statSync(file);
        return `${new Date(mtimeMs).toISOString()} ${(mode & 0o777).toString(8)}`;
      }),
    );
    // Windows has no modes.
    const mode = process.platform === 'win32' ? '666' : '644';
    expect(new Set(found)).toEqual(new Set([`1980-01-01T00:00:00.000Z ${mode}`]));
  });

  test('name no path of the machine they were built on', () => {
    const scripts = [...here, ...elsewhere].flatMap(({ directory }) =>
      filesBelow(directory)
        .filter((file) => /[cm]?js$/.test(file))
        .map((file) => readFileSync(file, 'utf8')),
    );
    for (const place of [ROOT, folder, checkout]) {
      expect(scripts.filter((script) => script.includes(place))).toEqual([]);
    }
  });

  test('share their decoder, and differ in who starts it', () => {
    const [lambda, worker] = here.map(({ directory }) => directory) as [string, string];
    const read = (directory: string, name: string) => readFileSync(path.join(directory, name));
    expect(read(lambda, 'decoder-child.js').equals(read(worker, 'decoder-child.js'))).toBe(true);
    expect(read(lambda, 'index.js').equals(read(worker, 'index.js'))).toBe(false);
  });

  test('look for credentials where they are: the function in its variables, a worker in other places as well', () => {
    const [lambda, worker] = here.map(({ directory }) => directory) as [string, string];
    const names = (file: string, place: string) => readFileSync(file, 'utf8').includes(place);
    for (const place of ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'credential_process']) {
      expect([place, names(path.join(lambda, 'handler.js'), place)]).toEqual([place, false]);
      expect([place, names(path.join(worker, 'index.js'), place)]).toEqual([place, true]);
    }
    expect(names(path.join(lambda, 'handler.js'), 'AWS_SECRET_ACCESS_KEY')).toBe(true);
  });

  test('start the decoder of the function before they read the rest of it', () => {
    const [lambda, worker] = here.map(({ directory }) => directory) as [string, string];
    const alone = path.join(folder, 'entry');
    mkdirSync(alone);
    copyFileSync(path.join(lambda, 'index.js'), path.join(alone, 'index.js'));
    writeFileSync(path.join(alone, 'watch.js'), "require('child_process').spawn = () => console.log('decoder');");
    writeFileSync(
      path.join(alone, 'handler.js'),
      "console.log('rest'); exports.setUp = exports.createHandler = () => {};",
    );
    const said = execFileSync(process.execPath, ['-r', './watch.js', 'index.js'], { cwd: alone, encoding: 'utf8' });
    expect(said).toBe('decoder\nrest\n');
    // Nothing else may take that script for one of its own.
    const scripts = [lambda, worker].flatMap((directory) =>
      readdirSync(directory).map((file) => path.join(directory, file)),
    );
    const asking = scripts.filter(
      (file) => file.endsWith('.js') && /require\("\.\/handler"\)/.test(readFileSync(file, 'utf8')),
    );
    expect(asking).toEqual([path.join(lambda, 'index.js')]);
  });

  test('ship what runs and its licences, not what is read', () => {
    const modules = path.join(here[0]?.directory as string, 'node_modules');
    const files = filesBelow(modules).map((file) => path.relative(modules, file).split(path.sep).join('/'));
    const isBinary = (file: string) => /^@(?:img\/sharp|koromix\/koffi)-/.test(file);
    expect(files.filter((file) => isBinary(file) && /\.(md|map|[cm]?ts)$/.test(file))).toEqual([]);
    // A cold start reads one script, not the dozens of sharp and of what it needs.
    expect(files.filter((file) => !isBinary(file)).sort()).toEqual([
      '@img/colour/LICENSE.md',
      '@img/colour/package.json',
      'detect-libc/LICENSE',
      'detect-libc/package.json',
      'semver/LICENSE',
      'semver/package.json',
      'sharp/LICENSE',
      'sharp/dist/index.cjs',
      'sharp/package.json',
    ]);
  });

  test('pass the check of their native package, until something foreign lies among it', async () => {
    const { directory } = here[1] as Bundle;
    await expect(checkNative(directory, HOST)).resolves.toBeUndefined();
    const planted = path.join(directory, 'node_modules/sharp/dist/planted.js');
    writeFileSync(planted, elf(8));
    await expect(checkNative(directory, HOST)).rejects.toThrow(`${planted} is for ELF machine 8; expected ${HOST}`);
    rmSync(planted);
    await expect(checkNative(directory, HOST)).resolves.toBeUndefined();
  });
});

/** The first 20 bytes of a little-endian ELF file. */
function elf(machine: number): Buffer {
  const header = Buffer.alloc(20);
  header.write('\x7fELF', 'latin1');
  header.writeUInt16LE(machine, 18);
  return header;
}
const [X64, ARM64, ARM] = [62, 183, 40];

describe('checkNative', () => {
  let bundle: string;
  const add = (name: string, contents: Buffer | string = '') => {
    mkdirSync(path.join(bundle, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(bundle, name), contents);
  };
  const remove = (name: string) => rmSync(path.join(bundle, 'node_modules', name), { recursive: true });
  const check = () => checkNative(bundle, 'linux-arm64');

  beforeEach(() => {
    bundle = mkdtempSync(path.join(folder, 'bundle-'));
    for (const name of ['sharp', 'semver', 'detect-libc', '@img/colour']) add(`node_modules/${name}/package.json`);
    add('node_modules/@img/sharp-linux-arm64/lib/sharp.node', elf(ARM64));
    add('node_modules/@img/sharp-libvips-linux-arm64/lib/libvips.so', elf(ARM64));
    add('index.js', 'module.exports = 0;');
  });

  test('accepts a whole bundle, with files of any other kind', async () => {
    add('empty');
    add('short', '\x7fEL');
    add('text.js', ` ${elf(X64)}`);
    await expect(check()).resolves.toBeUndefined();
  });

  test('accepts what is for x64 on x64 only', async () => {
    const expected = 'expected sharp-libvips-linux-x64, sharp-linux-x64';
    await expect(checkNative(bundle, 'linux-x64')).rejects.toThrow(expected);
  });

  test.each<[what: string, change: () => void, message: string]>([
    [
      'no native package',
      () => remove('@img'),
      'holds no native package; expected sharp-libvips-linux-arm64, sharp-linux-arm64',
    ],
    [
      'a binary without its library',
      () => remove('@img/sharp-libvips-linux-arm64'),
      'holds sharp-linux-arm64; expected sharp-libvips-linux-arm64, sharp-linux-arm64',
    ],
    [
      'a library without its binary',
      () => remove('@img/sharp-linux-arm64'),
      'holds sharp-libvips-linux-arm64; expected sharp-libvips-linux-arm64, sharp-linux-arm64',
    ],
    [
      'a package of another architecture beside it',
      () => add('node_modules/@img/sharp-linux-x64/package.json'),
      'holds sharp-libvips-linux-arm64, sharp-linux-arm64, sharp-linux-x64; expected',
    ],
    [
      'a package of another system beside it',
      () => add('node_modules/@img/sharp-libvips-darwin-arm64/package.json'),
      'holds sharp-libvips-darwin-arm64, sharp-libvips-linux-arm64, sharp-linux-arm64; expected',
    ],
    [
      'a package for another C library beside it',
      () => add('node_modules/@img/sharp-linuxmusl-arm64/package.json'),
      'holds sharp-libvips-linux-arm64, sharp-linux-arm64, sharp-linuxmusl-arm64; expected',
    ],
    ['the build for WebAssembly beside it', () => add('node_modules/@img/sharp-wasm32/package.json'), 'sharp-wasm32'],
    ['no sharp', () => remove('sharp'), 'holds no sharp, which sharp needs'],
    ['a package missing that sharp needs', () => remove('@img/colour'), 'holds no @img/colour, which sharp needs'],
    [
      'a binary that is not what its package says',
      () => add('node_modules/@img/sharp-linux-arm64/lib/sharp.node', elf(X64)),
      'node_modules/@img/sharp-linux-arm64/lib/sharp.node is for linux-x64; expected linux-arm64',
    ],
    ['a foreign program in its folder', () => add('tool', elf(X64)), 'tool is for linux-x64; expected linux-arm64'],
    [
      'a foreign library deep in another package',
      () => add('node_modules/semver/a/b/c/lib.so.1', Buffer.concat([elf(ARM), Buffer.alloc(4096)])),
      'node_modules/semver/a/b/c/lib.so.1 is for ELF machine 40; expected linux-arm64',
    ],
  ])('refuses a bundle with %s', async (_, change, message) => {
    change();
    await expect(check()).rejects.toThrow(message);
  });
});

describe('the lock file of the native package', () => {
  interface Lock {
    readonly packages: Record<
      string,
      {
        version: string;
        integrity?: string;
        resolved?: string;
        optional?: true;
        os?: string[];
        cpu?: string[];
        libc?: string[];
      }
    >;
  }
  const json = (name: string) => JSON.parse(readFileSync(path.join(ROOT, name), 'utf8'));
  const { packages } = json('workload/package-lock.json') as Lock;
  const root = json('package-lock.json') as Lock;
  const named = Object.entries(packages).filter(([location]) => location !== '');

  test('vouches for every package, and sends nobody to a registry of its own', () => {
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(([, { integrity }]) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''))).toEqual([]);
    expect(readFileSync(path.join(ROOT, 'workload/package-lock.json'), 'utf8')).not.toMatch(/"resolved"|registry/);
  });

  test.each(['x64', 'arm64'])('carries the binaries for Linux on %s, with glibc', (cpu) => {
    for (const name of [`sharp-linux-${cpu}`, `sharp-libvips-linux-${cpu}`]) {
      expect(packages[`node_modules/@img/${name}`]).toMatchObject({ os: ['linux'], cpu: [cpu], libc: ['glibc'] });
    }
  });

  test('has the versions that the tests run on, and the same bytes', () => {
    const facts = ({ version, integrity }: Partial<Lock['packages'][string]> = {}) => [version, integrity];
    const found = Object.fromEntries(named.map(([location, locked]) => [location, facts(locked)]));
    expect(found).toEqual(Object.fromEntries(named.map(([location]) => [location, facts(root.packages[location])])));
  });

  test('is of the sharp that both package.json files name', () => {
    const { version } = packages['node_modules/sharp'] ?? {};
    expect(json('package.json').devDependencies.sharp).toBe(version);
    expect(json('workload/package.json').dependencies).toEqual({ sharp: version });
  });
});
