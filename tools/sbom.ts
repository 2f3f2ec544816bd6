import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { build as esbuild } from 'esbuild';
import { BUNDLES } from '../lib/constructs/bundle';
import { ENTRY_POINTS, scriptOptions } from './build/build';
import { type Command, noPositionals, parse, print, ROOT } from './command-line';
import { checkNoLinks, checkWritable, replaceFile } from './files';

/**
 * Says what is deployed: a CycloneDX bill of materials for each bundle. npm's own (`npm sbom`) knows what is installed
 * here; a bundle holds the part of a package that is used, and the native package of one platform.
 *
 * @see https://cyclonedx.org/docs/1.6/json/
 */

export interface Component {
  readonly type: 'application' | 'library' | 'file' | 'container';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg: 'SHA-256' | 'SHA-512'; readonly content: string }[];
  readonly licenses?: readonly { readonly expression: string }[];
}

const json = (...file: string[]) => JSON.parse(readFileSync(path.join(...file), 'utf8'));

/** @param location below the folder of the lock file, such as `node_modules/a/node_modules/b` */
function npmPackage(lock: string, location: string, { name, version, license } = json(ROOT, location, 'package.json')) {
  const { integrity, ...locked } = json(ROOT, lock).packages[location] ?? {};
  if (locked.version !== version) throw new Error(`${name} is ${version}, and ${locked.version} in ${lock}`);
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  // Of the archive that npm fetched: what the lock file vouches for.
  const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
  const hashes = [{ alg: 'SHA-512', content }] as const;
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    hashes,
    licenses: [{ expression: license }],
  } as const;
}

/**
 * Describes one bundle on disk, and only what is in it. The same bundle is described by the same bytes.
 * @param name `lambda-…`, `worker-…` or `image-…`
 * @throws Error when the bundle is missing, or older than the sources
 */
export async function describeBundle(name: string, dist = path.join(ROOT, 'dist')) {
  const directory = path.join(dist, name, name.startsWith('image-') ? 'app' : '');
  if (!existsSync(directory)) throw new Error(`${directory} is missing: run "npm run build" first`);
  const { version, license } = json(ROOT, 'package.json');
  const component = {
    type: 'application',
    'bom-ref': name,
    name,
    version,
    licenses: [{ expression: license }],
  } as const;
  const found = new Map<string, Component>();
  const edges = new Map<string, string[]>([[name, []]]);
  const add = (parent: string, child: Component) => {
    found.set(child['bom-ref'], child);
    edges.set(parent, [...(edges.get(parent) ?? []), child['bom-ref']]);
  };

  const kind = name.startsWith('lambda-') ? 'lambda' : 'worker';
  for (const [file, entryPoint] of Object.entries(ENTRY_POINTS[kind])) {
    const entry = { entryPoints: [entryPoint], outfile: file, write: false as const, metafile: true as const };
    const { metafile, outputFiles } = await esbuild({ ...scriptOptions(kind), ...entry });
    const bytes = readFileSync(path.join(directory, file));
    if (!bytes.equals(outputFiles[0]?.contents ?? Buffer.alloc(0))) {
      throw new Error(`${path.join(directory, file)} is not what the sources make: run "npm run build" first`);
    }
    const content = createHash('sha256').update(bytes).digest('hex');
    add(name, { type: 'file', 'bom-ref': file, name: file, hashes: [{ alg: 'SHA-256', content }] });
    const inputs = Object.entries(metafile.outputs[file]?.inputs ?? {}).filter(([, input]) => input.bytesInOutput > 0);
    const folders = inputs.flatMap(
      ([input]) => /node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(input) ?? [],
    );
    for (const location of [...new Set(folders)].sort()) add(file, npmPackage('package-lock.json', location));
  }

  const native = path.join(directory, 'node_modules');
  for (const file of readdirSync(native, { recursive: true, encoding: 'utf8' }).sort()) {
    const location = /^((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(file.split(path.sep).join('/'))?.[1];
    if (!location) continue;
    const shipped = npmPackage('workload/package-lock.json', `node_modules/${location}`, json(native, file));
    add(name, shipped);
    // libvips says what it was linked from.
    const linked = path.join(native, location, 'versions.json');
    for (const [library, of] of Object.entries(existsSync(linked) ? json(linked) : {})) {
      const purl = `pkg:generic/${library}@${of}`;
      add(shipped['bom-ref'], { type: 'library', 'bom-ref': purl, name: library, version: `${of}`, purl });
    }
  }

  if (name.startsWith('image-')) {
    const base = readFileSync(path.join(dist, name, 'Dockerfile'), 'utf8');
    const [, registry, image = '', tag = ''] = /^ARG BASE=([^/\s]+)\/([^:\s]+):(\S+)$/m.exec(base) ?? [];
    // What is in it, Debian and Node, is its publisher's to say.
    const purl = `pkg:docker/${image}@${tag.split('@').at(-1)?.replace(':', '%3A')}?repository_url=${registry}`;
    add(name, { type: 'container', 'bom-ref': purl, name: `${registry}/${image}`, version: tag, purl });
  }
  const dependencies = [...edges].map(([ref, dependsOn]) => ({ ref, dependsOn }));
  const components = [...found.values()];
  return { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { component }, components, dependencies };
}

/** Writes `dist/<bundle>.cdx.json` for what the stacks deploy. */
export const sbom: Command = async (args, stopSignal) => {
  noPositionals('sbom', parse('sbom', args, {}).positionals);
  checkWritable(path.join(ROOT, 'dist'), 'make it writable');
  checkNoLinks(
    path.join(ROOT, 'dist'),
    BUNDLES.flatMap((name) => [name, `${name}.cdx.json`]),
  );
  const signal = stopSignal();
  for (const name of BUNDLES) {
    signal.throwIfAborted();
    const bill = await describeBundle(name);
    replaceFile(path.join(ROOT, 'dist', `${name}.cdx.json`), `${JSON.stringify(bill, undefined, 2)}\n`);
    print(`dist/${name}.cdx.json  ${bill.components.length} components`);
  }
  return 0;
};
