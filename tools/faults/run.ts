import type { Compute } from '../../workload/contract';
import { unlessStopped } from '../command-line';
import { templates } from '../templates';
import { type CleanRun, type Findings, NO_FINDINGS, type Picture, sha256 } from './ledger';
import { goodPictures, poisonPictures } from './pictures';
import { Random } from './random';
import type { Outcome, Scenario, Setting } from './scenario';
import { fuzz } from './scenarios/fuzz';
import { kill } from './scenarios/kill';
import { lambda } from './scenarios/lambda';
import { outage } from './scenarios/outage';
import { poison } from './scenarios/poison';
import { slow } from './scenarios/slow';
import { soak } from './scenarios/soak';
import { stop } from './scenarios/stop';
import { storage } from './scenarios/storage';
import { Standstill, Trial } from './trial';

/** Breaks the ways on purpose, from a seed, and counts which promises are broken with them. */

export const SCENARIOS: readonly Scenario[] = [kill, lambda, stop, poison, slow, storage, outage, fuzz, soak];

/** Different good pictures of a run. Enough that a mix-up of two objects shows in their bytes. */
const POOL = 200;

/** Of every kind one. Two kinds are fit for the limits of a scenario of their own. */
const REJECTS = 19;
const NEEDING_LIMITS = /slow\.jpg|heavy\.png/;

export interface FaultsOptions {
  readonly seed: number;
  readonly scenarios: readonly Scenario[];
  readonly ways: readonly Compute[];
  /** Objects and signals per scenario and way; by default each scenario's own number, times `scale`. */
  readonly images?: number | undefined;
  readonly kills?: number | undefined;
  /** Part of a full run, 1 by default. */
  readonly scale?: number;
  /** Different good pictures. Default 200. */
  readonly pool?: number;
  /**
   * The reader's own, beside generated ones. What they must become is what they become without faults; those that take
   * more than a second are left out.
   */
  readonly pictures?: readonly GivenPicture[];
  /** Where the host bundles are. */
  readonly dist: string;
  readonly signal: AbortSignal;
  readonly onProgress?: (row: string, ended: number, total: number, note: string) => void;
  readonly onRow?: (row: Row) => void;
}

/** What takes longer than this without faults, in ms, is too much for the short timeouts of a fault run. */
const SLOW_MS = 1000;

interface GivenPicture {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Where a clean run keeps the reason of a rejection. */
const RECORD = 'rejected';

/** One scenario on one way. */
export interface Row extends Findings {
  readonly scenario: string;
  readonly way: Compute;
  readonly images: number;
  readonly faults: Outcome['faults'];
  readonly redelivered: number;
  /** In words; the examples of the findings among them. */
  readonly broken: readonly string[];
  readonly measured: Readonly<Record<string, string>>;
  readonly seconds: number;
  /** No promise was broken. */
  readonly ok: boolean;
}

/** How many sentences of what was broken are kept. */
const MAX_BROKEN = 8;

/** @throws the signal's reason when it ends the run; Error with one line when a way does not start */
export async function runFaults(options: FaultsOptions, prepared?: Prepared): Promise<Row[]> {
  const { scenarios, ways, dist, signal, scale = 1, onProgress = () => {}, onRow } = options;
  const { random, deployed, clean, pool, small, rejects } = prepared ?? (await prepare(options));
  const rows: Row[] = [];
  for (const scenario of scenarios) {
    for (const compute of ways.filter((way) => scenario.computes.includes(way))) {
      signal.throwIfAborted();
      const images = options.images ?? Math.ceil(scenario.images * scale);
      const name = `${scenario.name} ${compute}`;
      const setting: Setting = {
        compute,
        template: deployed[compute],
        dist,
        images,
        kills: options.kills ?? Math.ceil(scenario.kills * scale),
        random: random.fork(name),
        pool,
        small,
        rejects,
        clean,
        signal,
        progress: (ended, note) => onProgress(name, ended, images, note),
      };
      const row = await oneRow(scenario, setting);
      signal.throwIfAborted();
      rows.push(row);
      onRow?.(row);
    }
  }
  return rows;
}

/** What all scenarios of a run have in common. */
type Prepared = Awaited<ReturnType<typeof prepare>>;

/** Makes the pictures, and has a worker without faults show what must become of them. */
export async function prepare(options: FaultsOptions) {
  const { seed, signal, onProgress = () => {} } = options;
  const deployed = templates();
  const random = new Random(seed);
  onProgress('pictures', 0, 1, 'generating');
  const small = await unlessStopped(signal, goodPictures(random.fork('pictures'), options.pool ?? POOL));
  const poisons = await unlessStopped(signal, poisonPictures(random.fork('rejects'), REJECTS));
  const generated = poisons.filter(({ name }) => !NEEDING_LIMITS.test(name));
  // Nothing is made of an empty file.
  const given = (options.pictures ?? []).filter(({ bytes }) => bytes.length > 0);
  const cleanOptions = { ...options, onProgress };
  const { clean, slow } = await cleanRun([...small, ...given], cleanOptions, deployed.ec2);
  const judged = given.filter(({ name }) => !slow.has(name)).map((picture) => judge(picture, clean));
  const goodOnes = judged.filter(({ kind }) => kind === 'done');
  const badOnes = judged.filter(({ kind }) => kind === 'rejected');
  // The reader's beside generated ones, because few different pictures cannot show a mix-up.
  return {
    random,
    deployed,
    clean,
    small,
    pool: [...goodOnes, ...small],
    rejects: [...badOnes, ...generated],
  };
}

async function oneRow(scenario: Scenario, setting: Setting): Promise<Row> {
  const started = performance.now();
  const {
    findings,
    faults,
    redelivered,
    broken,
    measured = {},
  } = await scenario.run(setting).catch((error): Outcome => {
    setting.signal.throwIfAborted();
    // One row less, not the whole run.
    const findings = error instanceof Standstill ? error.findings : NO_FINDINGS;
    return { findings, faults: {}, redelivered: 0, broken: [error instanceof Error ? error.message : String(error)] };
  });
  const { lost, missing, extra, different, outdated } = findings;
  const all = [...broken, ...findings.examples];
  return {
    ...findings,
    scenario: scenario.name,
    way: setting.compute,
    images: setting.images,
    faults,
    redelivered,
    broken: all.slice(0, MAX_BROKEN),
    measured,
    seconds: Math.round((performance.now() - started) / 100) / 10,
    ok: all.length === 0 && lost + missing + extra + different + outdated === 0,
  };
}

/** A picture of which nobody said what it must become: what it becomes when nothing disturbs it. */
function judge({ name, bytes }: GivenPicture, clean: CleanRun): Picture {
  const reason = clean.get(name)?.get(RECORD);
  return { name, bytes, ...(reason ? { kind: 'rejected', reason } : { kind: 'done' }) };
}

/** What the worker makes of each picture when nothing disturbs it. @throws Error when it comes to no end */
async function cleanRun(
  pictures: readonly GivenPicture[],
  { dist, signal, onProgress }: FaultsOptions,
  template: Setting['template'],
): Promise<{ clean: CleanRun; slow: ReadonlySet<string> }> {
  const trial = await Trial.start({
    compute: 'ec2',
    template,
    dist,
    clean: new Map(),
    visibilitySeconds: 50,
    signal,
  });
  try {
    const objects = pictures.map((picture, index) => ({
      key: `incoming/${index}`,
      picture: { ...picture, kind: 'either' as const },
    }));
    await trial.run(objects, () => onProgress?.('clean run', trial.ended, pictures.length, 'without faults'));
    const outputs = trial.outputs();
    const slow = trial.lines.filter(({ Duration = 0, SlotWait = 0 }) => Duration - SlotWait > SLOW_MS);
    const numbers = slow.map(({ Key = '' }) => Number(Key.slice('incoming/'.length)));
    const clean = new Map(
      pictures.map(({ name }, index): [string, Map<string, string>] => {
        const record = outputs.get(`rejected/incoming/${index}.json`);
        if (record) return [name, new Map([[RECORD, JSON.parse(record.body.toString()).reason as string]])];
        const files = [...outputs].filter(([key]) => key.startsWith(`renditions/incoming/${index}/`));
        if (files.length !== 3) throw new Error(`the clean run made ${files.length} renditions of ${name}, expected 3`);
        return [name, new Map(files.map(([key, { body }]) => [key.slice(key.lastIndexOf('/') + 1), sha256(body)]))];
      }),
    );
    return { clean, slow: new Set(numbers.map((number) => pictures[number]?.name ?? '')) };
  } finally {
    await trial.stop();
  }
}
