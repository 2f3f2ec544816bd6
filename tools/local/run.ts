import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { MultiBar, type SingleBar } from 'cli-progress';
import { type Compute, REJECTED_PREFIX, RENDITIONS_PREFIX, TERMINAL_STATES } from '../../workload/contract';
import { currentResult, type Result } from '../../workload/current-result';
import type { RenditionSettings } from '../../workload/env';
import { rejectionKey, renditionKey } from '../../workload/keys';
import { parseS3Event } from '../../workload/s3-events';
import { ROOT, UsageError } from '../command-line';
import { checkNoLinks, checkWritable, replaceFile, why } from '../files';
import { templates } from '../templates';
import { barFormat } from '../terminal';
import { contactSheet, isContactSheet, type SheetCell, type SheetRow } from './contact-sheet';
import { type Endpoints, type StoredObject, startEndpoints } from './endpoints';
import { diskPath, type Input } from './inputs';
import { type MemoryPeaks, watchMemory } from './processes';
import { summary } from './report';
import type { LocalRunResults, ObjectResult, WayResults } from './results';
import { clientConfig, startWay, type Way } from './ways';

/**
 * Runs the workload on this machine, in each way that is asked for, against S3 and SQS on loopback. The ways take turns: side by
 * side they would fight for the same processors, and their times would tell of that.
 */

export interface LocalRunOptions {
  readonly inputs: readonly Input[];
  readonly ways: readonly Compute[];
  /** Where the host bundles are. */
  readonly dist: string;
  /** Where results go: `<out>/<way>/…` and `<out>/index.html`. */
  readonly out: string;
  /** Ends the run and everything it started. */
  readonly signal: AbortSignal;
  /** For the progress bars and what is worth a line. */
  readonly progress: Writable;
  /** Leave everything up when the ways are through, until `signal`. Called with the endpoints' address. */
  readonly onKept?: (endpoints: Endpoints, ways: readonly Way[]) => void;
  /** Called with a refusal of a new kind while everything is kept. */
  readonly onRefused?: (compute: Compute, explanation: string) => void;
  /** Called with the results before anything is kept. */
  readonly onResults: (results: LocalRunResults) => void;
}

/** Uploads at a time. Enough to keep the ways busy; the endpoints share this process. */
const UPLOADS = 4;

/**
 * With nothing coming to an end for so long, in ms, the run gives up. Longer than a worker's first two waits after a
 * failure; a picture that fails a third time is not waited for.
 */
const STALLED_MS = 300_000;

/**
 * After a call that was refused, how long nothing may come to an end until what is missing counts as failed, in ms. The
 * retries of a missing permission take half an hour and help nothing.
 */
const REFUSED_MS = 5_000;

/** How a way's line reads, from wide to narrow. The note comes last, so nothing else is cut. */
const BAR_FORMS = [
  '{way} {bar} {value}/{total}  done {done}  rejected {rejected}  failed {failed}  {note}',
  '{way} {value}/{total}  done {done}  rejected {rejected}  failed {failed}  {note}',
  '{way} {value}/{total} done {done} rej {rejected} fail {failed} {note}',
  '{way} {value}/{total} {done}d {rejected}r {failed}f {note}',
];

/** As long as the longest note, `retried 999`, so that a bar does not change its form in the middle of a run. */
const NOTE_LENGTH = 11;

function showState(bar: SingleBar, { note, ...counts }: Record<string, string | number>, value?: number): void {
  const digits = String(bar.getTotal()).length;
  const texts = Object.entries(counts).map(([name, count]) => [name, String(count).padStart(digits)]);
  const payload = {
    ...Object.fromEntries(texts),
    ...(note !== undefined && { note: String(note).padEnd(NOTE_LENGTH) }),
  };
  if (value === undefined) bar.update(payload);
  else bar.update(value, payload);
}

/**
 * Whether a run may write its results to a folder, which need not be there yet.
 * @throws UsageError when it may not, or would write over what is somebody else's
 */
export function checkResultsFolder(out: string, ways: readonly Compute[]): void {
  const other = 'name another folder with --out FOLDER';
  checkWritable(out, other);
  // An earlier run's results are removed, and behind a link these would not be ours.
  checkNoLinks(out, [SHEET, ...ways.flatMap(resultFolders)], other);
  for (const way of ways) {
    const folder = path.join(out, way);
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (!found) continue;
    if (!found.isDirectory()) throw new UsageError(`${folder} is a file, and the results of ${way} go there: ${other}`);
    checkWritable(folder, other);
  }
  const sheet = path.join(out, SHEET);
  let html: string;
  try {
    // To read a pipe would be to wait for whoever writes to it.
    html = lstatSync(sheet).isFile() ? readFileSync(sheet, 'utf8') : '';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      // Beside no contact sheet they are somebody else's; in our own folder they are of a run that was stopped.
      const results = ways.flatMap(resultFolders).map((name) => path.join(out, name));
      const found = out === RESULTS ? undefined : results.find((folder) => existsSync(folder));
      if (found)
        throw new UsageError(`${found} would be replaced, and no contact sheet says that it is a run's: ${other}`);
      return;
    }
    throw new UsageError(`cannot replace ${sheet} (${why(error)}): ${other}`);
  }
  if (!isContactSheet(html)) throw new UsageError(`${sheet} is not a contact sheet of an earlier run: ${other}`);
}

/** Where results go by default. */
export const RESULTS = path.join(ROOT, 'out');

/** Name of the contact sheet. */
const SHEET = 'index.html';

/** What a run replaces of a way, below the folder for results. */
const resultFolders = (way: Compute) => [RENDITIONS_PREFIX, REJECTED_PREFIX].map((name) => `${way}/${name}`);

/** @throws the signal's reason when it ends the run; Error with one line when a way does not start or comes to a standstill */
export async function runLocal(options: LocalRunOptions): Promise<LocalRunResults> {
  const { inputs, ways, out, progress, signal } = options;
  const deployed = templates({}, '', ways);
  const endpoints = await startEndpoints();
  const running: Way[] = [];
  const bars = new MultiBar(
    {
      stream: progress as NodeJS.WriteStream,
      format: barFormat(progress, ...BAR_FORMS),
      hideCursor: true,
      noTTYOutput: true,
      notTTYSchedule: 5000,
      linewrap: null,
    },
    undefined,
  );
  try {
    const width = Math.max(...ways.map((way) => way.length));
    const lines = ways.map((way) => {
      const bar = bars.create(inputs.length, 0, { way: way.padEnd(width) });
      showState(bar, { done: 0, rejected: 0, failed: 0, note: 'waiting' });
      return bar;
    });
    const results: WayResults[] = [];
    const cells = new Map<string, Record<string, SheetCell>>(inputs.map(({ key }) => [key, {}]));
    for (const [index, compute] of ways.entries()) {
      signal.throwIfAborted();
      const bar = lines[index] as SingleBar;
      showState(bar, { note: 'starting' });
      const tracker = new Tracker(inputs, bar);
      const way = await startWay(compute, deployed[compute], endpoints, {
        dist: options.dist,
        onLine: (line) => tracker.onLine(line),
      });
      running.push(way);
      const result = await takeTurn(way, endpoints, inputs, tracker, signal);
      results.push(result);
      showState(bar, { note: `${(result.totalMs / 1000).toFixed(1)} s` });
      const files = await collect(endpoints, way, out);
      for (const { key } of inputs) {
        (cells.get(key) as Record<string, SheetCell>)[compute] = cell(
          key,
          result.objects.get(key) as ObjectResult,
          files,
          out,
          way.renditions,
        );
      }
      if (!options.onKept) {
        await way.stop();
        for (const { key } of inputs) endpoints.evict(way.sourceBucket, key);
        for (const key of files.keys()) endpoints.evict(way.outputBucket, key);
      }
    }
    const rows = inputs.map(({ key, bytes }) => sheetRow(key, bytes, cells.get(key) as Record<string, SheetCell>));
    const byteEqual = rows.every((row) => row.byteEqual);
    const sheet = path.join(out, SHEET);
    replaceFile(sheet, contactSheet({ ways, rows, byteEqual, summary: summary(results) }));
    bars.stop();
    const all = { ways: results, byteEqual, sheet };
    options.onResults(all);
    if (options.onKept) {
      options.onKept(endpoints, running);
      endpoints.permissions.onRefusal = (compute, explanation) => options.onRefused?.(compute, explanation);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return all;
  } catch (error) {
    // Whatever the signal interrupts fails with an error of its own.
    signal.throwIfAborted();
    throw error;
  } finally {
    if (bars.isActive) bars.stop();
    await Promise.all(running.map((way) => way.stop()));
    await endpoints.close();
  }
}

/** Uploads everything to one way and waits until every object is in its last state. */
async function takeTurn(
  way: Way,
  endpoints: Endpoints,
  inputs: readonly Input[],
  tracker: Tracker,
  signal: AbortSignal,
): Promise<WayResults> {
  const s3 = new S3Client(clientConfig(endpoints));
  const endWatch = watchMemory(() => [...way.processes().values()]);
  let memory: MemoryPeaks | undefined;
  tracker.start();
  try {
    const queue = [...inputs];
    const uploads = Array.from({ length: UPLOADS }, async () => {
      for (let input = queue.shift(); input; input = queue.shift()) {
        const Body = await input.read();
        await s3.send(new PutObjectCommand({ Bucket: way.sourceBucket, Key: input.key, Body }), {
          abortSignal: signal,
        });
      }
    });
    await Promise.all(uploads);
    while (tracker.missing > 0) {
      await sleep(50, undefined, { signal });
      for (const body of endpoints.messages(way.failureQueue)) tracker.onFailure(body);
      const [refusal] = endpoints.permissions.refusals(way.compute);
      if (refusal && tracker.idleMs > REFUSED_MS) tracker.giveUp(refusal.explanation);
      if (tracker.idleMs > STALLED_MS) {
        throw new Error(
          `${way.compute}: ${tracker.missing} objects came to no end; the last line was: ${tracker.lastLine}`,
        );
      }
    }
  } finally {
    memory = endWatch();
    s3.destroy();
  }
  const permissions = endpoints.permissions.tally(way.compute);
  return { compute: way.compute, ...tracker.results(), memory, deaths: way.deaths(), permissions };
}

/** Follows one way by the lines it logs, as an operator would, and by its failure queue. */
class Tracker {
  readonly objects = new Map<string, ObjectResult>();
  lastLine = '';
  private readonly counts = new Map<ObjectResult['state'], number>();
  private readonly keys: ReadonlySet<string>;
  private started = 0;
  private first = 0;
  private last = 0;
  private retries = 0;

  constructor(
    inputs: readonly Input[],
    private readonly bar: SingleBar,
  ) {
    this.keys = new Set(inputs.map(({ key }) => key));
  }

  get missing(): number {
    return this.keys.size - this.objects.size;
  }

  get idleMs(): number {
    return performance.now() - Math.max(this.last, this.started);
  }

  start(): void {
    this.started = performance.now();
    showState(this.bar, { note: 'working' });
  }

  onLine(line: string): void {
    this.lastLine = line;
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(line);
    } catch {
      return;
    }
    if ((TERMINAL_STATES as readonly unknown[]).includes(entry.State) && typeof entry.Key === 'string') {
      this.end(entry.Key, {
        state: entry.State as ObjectResult['state'],
        reason: entry.Reason as string | undefined,
        detail: entry.Detail as string | undefined,
        milliseconds: (entry.Duration as number) - ((entry.SlotWait as number | undefined) ?? 0),
      });
    } else if (entry.State === 'failed') {
      this.retries += 1;
      showState(this.bar, { note: `retried ${this.retries}` });
    }
  }

  /** A message of the failure queue: the event itself, or Lambda's record around it. */
  onFailure(body: string): void {
    const message = JSON.parse(body) as { requestPayload?: unknown; responsePayload?: { errorMessage?: string } };
    for (const record of parseS3Event(message.requestPayload ?? message)) {
      if (record.kind !== 'created') continue;
      this.end(record.version.key, { state: 'failed', detail: message.responsePayload?.errorMessage ?? this.lastLine });
    }
  }

  /** Whatever has not come to an end will not. */
  giveUp(detail: string): void {
    for (const key of this.keys) this.end(key, { state: 'failed', detail });
  }

  results(): Pick<WayResults, 'objects' | 'firstMs' | 'totalMs'> {
    return { objects: this.objects, firstMs: this.first - this.started, totalMs: this.last - this.started };
  }

  private end(key: string, result: ObjectResult): void {
    // Delivered twice, it ends twice; the first end counts.
    if (!this.keys.has(key) || this.objects.has(key)) return;
    this.objects.set(key, result);
    this.last = performance.now();
    this.first ||= this.last;
    this.counts.set(result.state, (this.counts.get(result.state) ?? 0) + 1);
    const count = (state: ObjectResult['state']) => this.counts.get(state) ?? 0;
    showState(
      this.bar,
      { done: count('done'), rejected: count('rejected'), failed: count('failed') },
      this.objects.size,
    );
  }
}

/** A result on disk, with its metadata in the output bucket. */
interface ResultFile extends Result {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Copies the output bucket of one way to `<out>/<way>/`, in place of an earlier run's. By key. */
async function collect(endpoints: Endpoints, way: Way, out: string): Promise<Map<string, ResultFile>> {
  // Once more, because minutes may have passed since the run was allowed to begin.
  checkNoLinks(out, resultFolders(way.compute), 'name another folder with --out FOLDER');
  for (const folder of resultFolders(way.compute)) await rm(path.join(out, folder), { recursive: true, force: true });
  const files = new Map<string, ResultFile>();
  for (const { key, bytes } of endpoints.listObjects(way.outputBucket)) {
    const folder = path.join(out, way.compute);
    const { body, metadata } = endpoints.getObject(way.outputBucket, key) as StoredObject;
    const file = await write(path.join(folder, diskPath(key)), body).catch((error: NodeJS.ErrnoException) => {
      // S3 can hold `a` beside `a/b`. A disk cannot: whichever comes second goes by its hash.
      if (!['EEXIST', 'ENOTDIR', 'EISDIR'].includes(error.code ?? '')) throw error;
      const [prefix] = key.split('/') as [string];
      return write(path.join(folder, prefix, `sha256~${createHash('sha256').update(key).digest('hex')}`), body);
    });
    files.set(key, { path: file, bytes, metadata, sha256: createHash('sha256').update(body).digest('hex') });
  }
  return files;
}

async function write(file: string, body: Buffer): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, body, { flag: 'wx' });
  return file;
}

/** What one way made of one source object: the results that count, with links relative to the page. */
export function cell(
  key: string,
  result: ObjectResult,
  files: ReadonlyMap<string, ResultFile>,
  out: string,
  { widths, format }: RenditionSettings,
): SheetCell {
  // Looked up width by width: a long key may be hashed for one width and not for another.
  const names = widths.map((width) => renditionKey(key, width, format));
  const found = [...names, rejectionKey(key)].flatMap((name) => {
    const file = files.get(name);
    return file ? [{ name, file, metadata: file.metadata }] : [];
  });
  const renditions = currentResult(found)
    .filter(({ name }) => name.startsWith(RENDITIONS_PREFIX))
    .map(({ name, file: { bytes, sha256, path: file } }) => ({
      name: path.posix.basename(name),
      path: path.relative(out, file),
      bytes,
      sha256,
    }));
  const { state, reason, detail, milliseconds } = result;
  return {
    state,
    ...(reason && { reason }),
    ...(detail && { detail }),
    ...(milliseconds !== undefined && { milliseconds }),
    ...(renditions[0] && { thumbnail: renditions[0].path }),
    renditions,
  };
}

function sheetRow(sourceKey: string, sourceBytes: number, cells: Record<string, SheetCell>): SheetRow {
  const fingerprints = Object.values(cells).map(({ state, reason, renditions }) =>
    JSON.stringify([state, reason, renditions.map(({ name, sha256 }) => [name, sha256])]),
  );
  return { sourceKey, sourceBytes, cells, byteEqual: new Set(fingerprints).size === 1 };
}
