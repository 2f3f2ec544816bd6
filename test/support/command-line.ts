import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** The command line, as a process. */

const ROOT = path.resolve(__dirname, '../..');

/** A copy of what the commands need, with the packages of this one: for a test that builds into its `dist`. */
export function checkout(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const name of ['bin', 'tools', 'lib', 'cdk.json', 'workload', 'lambda', 'package.json', 'tsconfig.json']) {
    cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  return folder;
}

export function start(args: readonly string[], root = ROOT, env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, ['bin/start.cjs', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // biome-ignore lint/style/noProcessEnv: what a child inherits.
    env: { ...process.env, ...env },
  });
}

export async function end(child: ChildProcess) {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout as Readable),
    text(child.stderr as Readable),
    once(child, 'exit'),
  ]);
  return { code, stdout, stderr };
}
