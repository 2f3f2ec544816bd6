import { mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { ENTRY_POINTS, KINDS, scriptOptions } from '../../tools/build/build';
import { TEST_DIST } from './host-bundles';

const ROOT = path.resolve(__dirname, '../..');

/** A change of the workload's source, such as somebody could make by mistake. */
export interface Defect {
  /** Below `workload/`. */
  readonly file: string;
  /** Text that is there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Builds host bundles with these defects. @returns the folder they are in, for the caller to remove */
export async function defectiveDist(defects: readonly Defect[]): Promise<string> {
  const dist = mkdtempSync(path.join(tmpdir(), 'four-ways-defect-'));
  const contents = new Map<string, string>();
  for (const { file, find, replace } of defects) {
    const name = path.join(ROOT, 'workload', file);
    const parts = (contents.get(name) ?? readFileSync(name, 'utf8')).split(find);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
    contents.set(name, parts.join(replace));
  }
  const unused = new Set(contents.keys());
  for (const kind of KINDS) {
    const bundle = `${kind}-host`;
    const options = scriptOptions(kind);
    const folder = path.join(dist, bundle);
    mkdirSync(folder);
    symlinkSync(path.join(TEST_DIST, bundle, 'node_modules'), path.join(folder, 'node_modules'));
    await build({
      ...options,
      minify: false,
      entryPoints: Object.entries(ENTRY_POINTS[kind]).map(([file, entry]) => ({
        in: entry,
        out: path.basename(file, '.js'),
      })),
      outdir: folder,
      plugins: [
        ...options.plugins,
        {
          name: 'defects',
          setup: ({ onLoad }) => {
            onLoad({ filter: /\/workload\/[^/]+\.ts$/ }, ({ path: name }) => {
              const changed = contents.get(name);
              unused.delete(name);
              return changed === undefined ? undefined : { contents: changed, loader: 'ts' };
            });
          },
        },
      ],
    });
  }
  if (unused.size > 0) throw new Error(`in no bundle: ${[...unused].join(', ')}`);
  return dist;
}
