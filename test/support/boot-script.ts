import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Json, Template } from './plain';

/**
 * An instance that is none: a folder in which EC2's boot script runs, without root and without touching the machine.
 * Every absolute path in the script is moved into the folder, and the only programs it can find are stubs that note how
 * they were called. Namespaces or a container would need no rewriting, but not everybody may make them.
 */

/** The properties of the one resource of a type. */
export function theOne({ Resources }: Template, type: string): Json {
  const found = Object.values(Resources).filter(({ Type }) => Type === type);
  expect(found).toHaveLength(1);
  return found[0]?.Properties;
}

/** What an instance runs when it starts. */
export const userDataOf = (template: Template): string =>
  theOne(template, 'AWS::EC2::LaunchTemplate').LaunchTemplateData.UserData;

/** The environment that it hands to the worker. */
export function environmentOf(userData: string): Record<string, string> {
  const [, lines = ''] = /^WORKER_ENVIRONMENT='([^']*)'$/m.exec(userData) ?? [];
  return Object.fromEntries(lines.split('\n').map((line) => line.split(/=(.*)/)));
}

/**
 * Where a path from the root begins: not within a URL, or behind a reference such as `<Source>`, and not in
 * `#!/bin/bash`, by which the drain is started.
 */
const ABSOLUTE = /(?<![\w/!}]|<[\w:.]+>)\/(?=\w)/g;

/** What really runs: it only changes files, and all of those are in the folder. */
const REAL = ['cat', 'chmod', 'mkdir', 'mv', 'rm', 'touch'];

/** What really runs, and takes no note, because it runs beside others: it only reads. */
const READING = ['cut', 'find', 'grep', 'sha256sum', 'sort'];

/** What a stub does besides taking a note. Elsewhere: nothing, successfully. */
const BEHAVIOUR: Readonly<Record<string, string>> = {
  // The packages bring their folders and programs with them.
  dnf: `for package; do case "$package" in
    amazon-cloudwatch-agent)
      mkdir -p "$ROOT/opt/aws/amazon-cloudwatch-agent/bin" "$ROOT/opt/aws/amazon-cloudwatch-agent/etc"
      ln -s "$STUB" "$ROOT/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl" ;;
    aws-cfn-bootstrap) mkdir -p "$ROOT/opt/aws/bin" && ln -s "$STUB" "$ROOT/opt/aws/bin/cfn-signal" ;;
    logrotate) mkdir -p "$ROOT/etc/logrotate.d" ;;
  esac; done`,
  // The command line refuses an empty parameter. A group ends what it is told to be unhealthy.
  aws: `for parameter; do [[ -n "$parameter" ]] || exit 252; done
  case "$*" in
    "s3 cp "*) : > "\${@: -1}" ;;
    "autoscaling set-instance-health "*) cp "$ROOT/states-when-told" "$ROOT/states" ;;
  esac`,
  // A worker says what it says at its start, or only when it has been looked at so often.
  systemctl: `case "$*" in
    "enable --now "*worker.service) mkdir -p "$ROOT/var/log/worker" && cp "$ROOT/says" "$ROOT/var/log/worker/worker.log" ;;
    "show worker --property NRestarts --value")
      (( $(grep -c "^systemctl show" "$ROOT/calls") < $(cat "$ROOT/looks") )) || cp "$ROOT/says-later" "$ROOT/var/log/worker/worker.log"
      cat "$ROOT/restarts" ;;
  esac`,
  unzip: `cp --archive --no-target-directory "$ROOT/zip" "\${@: -1}"`,
  // Nobody waits for ever: what sleeps this often is given up.
  sleep: '(( $(grep -c "^sleep" "$ROOT/calls") < 20 )) || kill -KILL $PPID',
  // The instance metadata service, version 2: nothing without a token.
  curl: `case "$*" in
    *"--request PUT"*/latest/api/token) echo TOKEN ;;
    *"X-aws-ec2-metadata-token: TOKEN"*/target-lifecycle-state)
      mapfile -t states < "$ROOT/states"
      (( \${#states[@]} == 1 )) || sed -i 1d "$ROOT/states"
      [[ -n "\${states[0]}" ]] || exit 28
      printf %s "\${states[0]}" ;;
    *"X-aws-ec2-metadata-token: TOKEN"*/spot/instance-action) cat "$ROOT/notice" 2> /dev/null || exit 22 ;;
    *"X-aws-ec2-metadata-token: TOKEN"*/instance-id) printf i-0123456789 ;;
    *"X-aws-ec2-metadata-token: TOKEN"*/tags/instance/aws:autoscaling:groupName) printf GROUP ;;
    *) exit 22 ;;
  esac`,
};

const STUBS = ['dnf', 'aws', 'unzip', 'useradd', 'install', 'systemctl', 'systemd-run', 'sleep', 'curl'];

/** How a script ended, and what it called, one line each: `systemctl daemon-reload`. */
export interface Run {
  readonly status: number | null;
  readonly calls: readonly string[];
  readonly stderr: string;
}

export interface RunOptions {
  /** Which calls fail: by their beginning, or the one at this place, from 1. */
  readonly fail?: string | number;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface WorkerState {
  readonly says?: string;
  readonly saysLater?: string;
  readonly looks?: number;
  readonly restarts?: number;
}

export class Instance {
  private readonly root = mkdtempSync(path.join(tmpdir(), 'instance-'));
  /** What is in the zip that the instance downloads. */
  readonly zip = path.join(this.root, 'zip');

  constructor() {
    // What every Amazon Linux has.
    const folders = ['dev', 'etc/systemd/system', 'opt', 'run', 'usr/local/bin', 'tmp', 'var/log'];
    for (const folder of [...folders, 'stubs', 'zip']) mkdirSync(path.join(this.root, folder), { recursive: true });
    const cases = Object.entries(BEHAVIOUR).map(([name, behaviour]) => `${name}) ${behaviour} ;;`);
    const real = REAL.map((name) => `${name}) exec ${name} "$@" ;;`);
    const stub = path.join(this.root, 'stub');
    writeFileSync(
      stub,
      `#!/bin/bash
name="\${0##*/}"
case "$name" in ${READING.join('|')}) PATH="$REAL_PATH" exec "$name" "$@" ;; esac
call="$name $*"
call="\${call//"$ROOT"/}"
printf '%s\\n' "$call" >> "$ROOT/calls"
mapfile -t calls < "$ROOT/calls"
[[ "$FAIL" != "\${#calls[@]}" && ( -z "$FAIL" || "$call" != "$FAIL"* ) ]] || exit 1
export PATH="$REAL_PATH"
case "$name" in
${[...cases, ...real].join('\n')}
esac
`,
    );
    chmodSync(stub, 0o755);
    for (const name of [...STUBS, ...REAL, ...READING]) symlinkSync(stub, path.join(this.root, 'stubs', name));
    this.worker({ says: '{"State":"started"}\n' });
    this.lifecycleWhenTold('Terminated');
  }

  /** Runs the user data, as cloud-init does at the first start. */
  boot(userData: string, options?: RunOptions): Run {
    const script = path.join(this.root, 'user-data');
    writeFileSync(script, userData.replace(ABSOLUTE, `${this.root}/`));
    return this.run(script, options);
  }

  /** Runs a script that the boot has installed, as systemd would. */
  start(file: string, options?: RunOptions): Run {
    return this.run(path.join(this.root, file), options);
  }

  /** What the metadata service answers, one after the other and then for ever the last. Empty: it does not answer. */
  lifecycle(...states: string[]): void {
    writeFileSync(path.join(this.root, 'states'), states.map((state) => `${state}\n`).join(''));
  }

  /** And when the group has been told that this instance is unhealthy. */
  lifecycleWhenTold(...states: string[]): void {
    writeFileSync(path.join(this.root, 'states-when-told'), states.map((state) => `${state}\n`).join(''));
  }

  /** AWS announces that it takes this Spot instance back. */
  announceEnd(): void {
    writeFileSync(path.join(this.root, 'notice'), '{"action": "terminate", "time": "2026-01-01T00:02:00Z"}');
  }

  /** What the worker says at its start, and after so many looks at it, and how often systemd has started it again. */
  worker({ says = '', saysLater = says, looks = 1, restarts = 0 }: WorkerState): void {
    const files = { says, 'says-later': saysLater, looks: String(looks), restarts: String(restarts) };
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(this.root, name), text);
  }

  has(file: string): boolean {
    return existsSync(path.join(this.root, file));
  }

  /** A file of the instance, with paths as they are there. */
  read(file: string): string {
    return readFileSync(path.join(this.root, file), 'utf8').replaceAll(`${this.root}/`, '/');
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }

  private run(script: string, { fail = '', environment = {} }: RunOptions = {}): Run {
    const calls = path.join(this.root, 'calls');
    rmSync(calls, { force: true });
    const { status, stderr } = spawnSync('/bin/bash', [script], {
      encoding: 'utf8',
      env: {
        ...environment,
        PATH: path.join(this.root, 'stubs'),
        ROOT: this.root,
        STUB: path.join(this.root, 'stub'),
        REAL_PATH: '/usr/bin:/bin',
        FAIL: String(fail),
      },
    });
    const lines = existsSync(calls) ? readFileSync(calls, 'utf8').trimEnd().split('\n') : [];
    return { status, stderr, calls: lines };
  }
}
