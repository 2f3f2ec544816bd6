import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type BuildOptions, build as esbuild, type Plugin } from 'esbuild';
import { checkNoLinks, checkWritable, claimInTurn } from '../files';
import { ENTRY_POINTS, IMAGES, KINDS, type Kind } from './entry-points';

export { ENTRY_POINTS, KINDS, type Kind };

/**
 * Builds what is deployed: `dist/{lambda,worker}-{arm64,x64,host}/`, each a directory that runs as it is, and
 * `dist/image-{arm64,x64}/`, what a container image is built from. The
 * JavaScript is the same bytes everywhere; only the native package differs. No Docker, and any host builds any target.
 */

const ROOT = path.resolve(__dirname, '../..');
const NATIVE = path.join(ROOT, 'workload');

/** `host` is this machine, for the local run: macOS works too. The others are Linux with glibc, as on AWS. */
export const ARCHITECTURES = ['arm64', 'x64', 'host'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** The SDK's clients name their own version, and bring all of their package.json for it. */
const namesAndVersions: Plugin = {
  name: 'names and versions of packages only',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]node_modules[\\/].*package\.json$/ }, async ({ path: file }) => {
      const { name, version } = JSON.parse(await readFile(file, 'utf8'));
      return { contents: JSON.stringify({ name, version }), loader: 'json' };
    });
  },
};

/** How every script that runs where the workload runs is bundled. */
export const SCRIPT_OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  // CommonJS starts faster than ES modules, and sharp finds its binary from it.
  format: 'cjs',
  // Of packages that come in both kinds the ES modules: what is not used of them can be left out.
  mainFields: ['module', 'main'],
  // The function's entry and what it starts first are one script, the rest is another. And `debug` takes supports-color
  // where another package has brought it.
  external: ['sharp', './handler', 'supports-color'],
  plugins: [namesAndVersions],
  // The SDK imports node:http at its first request. As an ES module that would load all of it, fetch and WebSocket too.
  supported: { 'dynamic-import': false },
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

/** The same, for the scripts of one kind of bundle. */
export const scriptOptions = (kind: Kind): BuildOptions & typeof SCRIPT_OPTIONS => ({
  ...SCRIPT_OPTIONS,
  ...('handler.js' in ENTRY_POINTS[kind] && {
    alias: { '@aws-sdk/credential-provider-node': './lambda/resize/credentials.ts' },
  }),
});

/** A bundle on disk. */
export interface Bundle {
  readonly name: `${Kind | 'image'}-${Architecture}`;
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
  /** SHA-256 over the sorted paths and contents: equal for equal sources, on any checkout path, at any time. */
  readonly hash: string;
}

/**
 * Builds the bundles of the given architectures. One build at a time writes to a folder: another one waits.
 * @throws Error with one line when the native package cannot be installed or is not the target's; the signal's reason
 */
export async function buildBundles(
  architectures: readonly Architecture[] = ARCHITECTURES,
  dist = path.join(ROOT, 'dist'),
  signal?: AbortSignal,
): Promise<Bundle[]> {
  checkWritable(dist, 'the bundles are built there; make it writable');
  const release = await claimInTurn('build', dist, signal);
  try {
    await removeUnfinished(dist);
    const names = architectures.flatMap((each) =>
      [...KINDS, ...IMAGES.map(() => 'image')].map((kind) => `${kind}-${each}`),
    );
    checkNoLinks(dist, names);
    return await buildInto(dist, architectures, signal);
  } finally {
    release();
  }
}

async function buildInto(
  dist: string,
  architectures: readonly Architecture[],
  signal: AbortSignal | undefined,
): Promise<Bundle[]> {
  const scripts = Object.fromEntries(
    await Promise.all(KINDS.map(async (kind) => [kind, await bundleScripts(kind)] as const)),
  ) as Record<Kind, Record<string, Uint8Array>>;
  const bundles: Bundle[] = [];
  for (const architecture of architectures) {
    const native =
      architecture === 'host' ? path.join(ROOT, 'node_modules') : await installNative(architecture, signal);
    const platform = architecture === 'host' ? `${process.platform}-${process.arch}` : `linux-${architecture}`;
    const sharp = await sharpScript(native);
    const write = async (name: Bundle['name'], fill: (directory: string) => Promise<void>) => {
      signal?.throwIfAborted();
      bundles.push(await writeBundle(name, dist, fill));
    };
    for (const kind of KINDS) {
      await write(`${kind}-${architecture}`, async (directory) => {
        for (const [file, contents] of Object.entries(scripts[kind])) {
          await writeFile(path.join(directory, file), contents);
        }
        await copyNative(native, path.join(directory, 'node_modules'), platform, sharp);
        await checkNative(directory, platform);
      });
    }
    if (architecture === 'host') continue;
    // What a container image is built from: no compiler, no package manager, nothing to run.
    for (const kind of IMAGES) {
      await write(`image-${architecture}`, async (directory) => {
        await copyFile(path.join(ROOT, 'containers/resizer/Dockerfile'), path.join(directory, 'Dockerfile'));
        await cp(path.join(dist, `${kind}-${architecture}`), path.join(directory, 'app'), { recursive: true });
      });
    }
  }
  return bundles;
}

/** What is being made has another name until it is whole: an interrupted build leaves no half of a bundle to deploy. */
const UNFINISHED = '.unfinished';

/** Removes what a killed build has left. Only for whoever has claimed the folder. */
async function removeUnfinished(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => each.endsWith(UNFINISHED))) {
    await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

/** Writes a bundle beside the one that is there, and replaces that one only if it differs: a run may be using it. */
async function writeBundle(
  name: Bundle['name'],
  dist: string,
  fill: (directory: string) => Promise<void>,
): Promise<Bundle> {
  const directory = path.join(dist, name);
  const unfinished = directory + UNFINISHED;
  const old = `${directory}.old${UNFINISHED}`;
  try {
    await mkdir(unfinished, { recursive: true });
    await fill(unfinished);
    const bundle = await fingerprint(unfinished);
    const there = await fingerprint(directory).catch(() => undefined);
    if (there?.hash !== bundle.hash) {
      if (there) await rename(directory, old);
      await rename(unfinished, directory);
    }
    return { name, directory, ...bundle };
  } finally {
    for (const folder of [unfinished, old]) await rm(folder, { recursive: true, force: true });
  }
}

async function bundleScripts(kind: Kind): Promise<Record<string, Uint8Array>> {
  const built = await Promise.all(
    Object.entries(ENTRY_POINTS[kind]).map(async ([file, entryPoint]) => {
      const { outputFiles } = await esbuild({
        ...scriptOptions(kind),
        entryPoints: [entryPoint],
        outfile: file,
        write: false,
      });
      return [file, outputFiles[0]?.contents as Uint8Array] as const;
    }),
  );
  return Object.fromEntries(built);
}

/** Packages that come for each platform by themselves: libvips with sharp's part of it, and koffi. */
const isBinary = (name: string) => /^@(?:img\/sharp|koromix\/koffi)-/.test(name);

/** Versions by path below node_modules: sharp, what it needs everywhere, and its binaries for every platform. */
async function lockedPackages(): Promise<Record<string, string>> {
  const lock = JSON.parse(await readFile(path.join(NATIVE, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; optional?: true }>;
  };
  return Object.fromEntries(
    Object.entries(lock.packages)
      .map(([location, locked]) => [location.replace(/^node_modules\//, ''), locked] as const)
      // Optional besides the binaries: what the WebAssembly build needs, which is never the one that is shipped.
      .filter(([name, { optional }]) => name !== '' && (!optional || isBinary(name) || name.startsWith('@img/')))
      .map(([name, { version }]) => [name, version]),
  );
}

/** Installs the native package for a Linux target, from its own lock file, into a cache that the lock file keys. */
async function installNative(
  architecture: Exclude<Architecture, 'host'>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const lock = await readFile(path.join(NATIVE, 'package-lock.json'));
  const key = createHash('sha256').update(lock).digest('hex').slice(0, 16);
  const caches = path.join(ROOT, 'node_modules/.cache/four-ways');
  const cache = path.join(caches, `linux-${architecture}-${key}`);
  const release = await claimInTurn('installation of sharp', caches, signal);
  try {
    if (!existsSync(cache)) await npmInstall(architecture, caches, cache, signal);
  } finally {
    release();
  }
  return path.join(cache, 'node_modules');
}

async function npmInstall(
  architecture: string,
  caches: string,
  cache: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await removeUnfinished(caches);
  const unfinished = cache + UNFINISHED;
  await mkdir(unfinished, { recursive: true });
  const options = [`--cpu=${architecture}`, '--os=linux', '--libc=glibc', '--omit=dev', '--ignore-scripts'];
  try {
    for (const file of ['package.json', 'package-lock.json']) {
      await copyFile(path.join(NATIVE, file), path.join(unfinished, file));
    }
    const installing = promisify(execFile)(
      'npm',
      ['ci', ...options, '--no-bin-links', '--prefer-offline', '--no-audit', '--no-fund'],
      { cwd: unfinished, ...(signal && { signal }) },
    );
    // An aborted one is still writing when its promise is rejected already.
    const closed = once(installing.child, 'close');
    await installing.catch(async (error: unknown) => {
      if (installing.child.pid !== undefined) await closed;
      throw error;
    });
    await rename(unfinished, cache);
  } catch (error) {
    signal?.throwIfAborted();
    const said = (error as { stderr?: string }).stderr?.match(/npm error (?!code)(.+)/)?.[1] ?? String(error);
    throw new Error(`npm cannot install sharp for linux-${architecture} (network needed once): ${said}`);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** What a package ships for its readers, not for its users; and of koffi, which is loaded as it is, all but the binary. */
const NOT_SHIPPED = /\.(?:md|d\.ts|d\.mts|d\.cts|map|mjs)$|^musl_|^index\.js$/;

/** What is left of a package whose scripts are in {@link sharpScript}. */
const NO_SCRIPT = /^(?:package\.json|LICEN[CS]E(?:\.md)?)$/;

/**
 * Copies the locked packages from `from`, and of the binaries the platform's. Not all that is installed: npm 10 installs
 * the WebAssembly build besides, on any machine.
 */
async function copyNative(from: string, to: string, platform: string, sharp: Uint8Array): Promise<void> {
  for (const [name, version] of Object.entries(await lockedPackages())) {
    const source = path.join(from, name);
    const isForeign = isBinary(name) && !name.replace('linuxmusl', 'linux').endsWith(`-${platform}`);
    if (isForeign || !existsSync(source)) continue;
    const found = JSON.parse(await readFile(path.join(source, 'package.json'), 'utf8')) as { version: string };
    if (found.version !== version) {
      throw new Error(
        `${name} is ${found.version} in node_modules and ${version} in workload/package-lock.json: make them equal`,
      );
    }
    const isShipped = (file: string) =>
      isBinary(name) ? !NOT_SHIPPED.test(file) : file === '' || NO_SCRIPT.test(file);
    await cp(source, path.join(to, name), {
      recursive: true,
      filter: (file) => isShipped(path.relative(source, file)),
    });
  }
  const script = path.join(to, 'sharp/dist/index.cjs');
  await mkdir(path.dirname(script));
  await writeFile(script, sharp);
}

/** sharp hashes only where it is compiled, which it never is here, and to load what hashes is part of a cold start. */
const compilesNothing: Plugin = {
  name: 'sharp compiles nothing',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:crypto$/ }, ({ path }) => ({ path, namespace: 'empty' }));
    onLoad({ filter: /./, namespace: 'empty' }, () => ({ contents: 'module.exports = {}' }));
  },
};

/** sharp, and what it needs besides its binaries, as one script. They come as dozens, and a cold start reads them all. */
async function sharpScript(nodeModules: string): Promise<Uint8Array> {
  const { outputFiles } = await esbuild({
    ...SCRIPT_OPTIONS,
    external: [],
    entryPoints: [path.join(nodeModules, 'sharp/dist/index.mjs')],
    outfile: 'index.cjs',
    // It looks for its binaries from where it is, and is required like its CommonJS form.
    define: { 'import.meta.url': '__filename' },
    footer: { js: 'module.exports = module.exports.default;' },
    plugins: [compilesNothing],
    write: false,
  });
  return outputFiles[0]?.contents as Uint8Array;
}

/** The instruction set of an ELF file, from its header (e_machine). */
const ELF_MACHINES: Readonly<Record<number, string>> = { 62: 'linux-x64', 183: 'linux-arm64' };

/**
 * Makes sure that a bundle holds the native package of its target, all of it, and of no other.
 * @param platform `<os>-<cpu>`
 * @throws Error naming the file that is in the wrong place
 */
export async function checkNative(directory: string, platform: string): Promise<void> {
  const packages = await readdir(path.join(directory, 'node_modules/@img')).catch(() => []);
  // Windows has libvips in one package with the rest.
  const expected = [`sharp-${platform}`, ...(platform.startsWith('win32') ? [] : [`sharp-libvips-${platform}`])];
  const found = packages.filter((name) => name.startsWith('sharp-')).sort();
  const platforms = found.map((name) => name.replace('linuxmusl', 'linux'));
  if (platforms.sort().join() !== expected.sort().join()) {
    throw new Error(`${directory} holds ${found.join(', ') || 'no native package'}; expected ${expected.join(', ')}`);
  }
  for (const name of Object.keys(await lockedPackages())) {
    if (!isBinary(name) && !existsSync(path.join(directory, 'node_modules', name))) {
      throw new Error(`${directory} holds no ${name}, which sharp needs`);
    }
  }
  for (const file of await filesBelow(directory)) {
    const handle = await open(path.join(directory, file));
    const { buffer } = await handle.read(Buffer.alloc(20), 0, 20, 0);
    await handle.close();
    if (buffer.toString('latin1', 0, 4) !== '\x7fELF') continue;
    const machine = ELF_MACHINES[buffer.readUInt16LE(18)] ?? `ELF machine ${buffer.readUInt16LE(18)}`;
    if (machine !== platform) throw new Error(`${path.join(directory, file)} is for ${machine}; expected ${platform}`);
  }
}

/** Evens out what differs between two checkouts, and hashes the rest. */
async function fingerprint(directory: string): Promise<Pick<Bundle, 'files' | 'bytes' | 'hash'>> {
  const hash = createHash('sha256');
  const files = await filesBelow(directory);
  let bytes = 0;
  for (const file of files) {
    const absolute = path.join(directory, file);
    const contents = await readFile(absolute);
    hash.update(`${file}\0${contents.length}\0`).update(contents);
    bytes += contents.length;
    // npm leaves the umask of whoever ran it, and the time. Zip files cannot hold a date before 1980.
    await chmod(absolute, 0o644);
    await utimes(absolute, new Date('1980-01-01T00:00:00Z'), new Date('1980-01-01T00:00:00Z'));
  }
  return { files: files.length, bytes, hash: hash.digest('hex') };
}

/** Relative paths of all files, sorted, with `/` on every system. */
export async function filesBelow(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true })) {
    if ((await stat(path.join(directory, entry))).isFile()) found.push(entry.split(path.sep).join('/'));
  }
  return found.sort();
}
