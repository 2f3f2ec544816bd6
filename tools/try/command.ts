import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { MultiBar } from 'cli-progress';
import sharp from 'sharp';
import { WAYS } from '../../lib/ways';
import { DEFAULTS, RETRY_SECONDS } from '../../workload/contract';
import { Decoder } from '../../workload/decoder';
import type { Limits } from '../../workload/env';
import { sniff } from '../../workload/gate';
import { decodeSlots } from '../../workload/platform';
import { type Account, explain, hostOf, isAws, openAccount } from '../aws';
import { buildBundles } from '../build/build';
import { type Command, parse, print, ROOT, say, UsageError, whole } from '../command-line';
import { delays } from '../compare/data/tables';
import { burst, even } from '../compare/model/arrivals';
import type { Region } from '../compare/model/types';
import { format } from '../compare/page/format';
import { checkWritable, replaceFile } from '../files';
import { builtInInputs, fileInputs, type Input } from '../local/inputs';
import { barFormat, screenOf, wrapped } from '../terminal';
import { type Course, outstanding, sparks, stepped, svg } from './chart';
import { type Deployed, openDeployed } from './deployed';
import {
  DEPLOYMENTS,
  type Deployment,
  IMITATED,
  newestDeployment,
  saveDeployment,
  seenText,
  versions,
} from './evidence';
import { type Header, inputsOf, measuredWork, mostUsd, predict, regionsWithPrices, workOf } from './predict';
import { figuresOf, loadOf, resultTable, timesOf } from './report';
import { Run, type Sample } from './run';
import { verify } from './verify';

/** More US$ than this are asked for. */
const ASK_USD = 1;
/** Problems that are named one by one. */
const NAMED = 20;
/** How long a worker may still write the results of what it had begun when its source was removed: a download, a decode, an upload. */
const GRACE_SECONDS = 60;

const BAR_FORMS = [
  '{bar} {value}/{total} ended  {uploaded} uploaded  {waiting}{units}  {time}',
  '{value}/{total} ended  {uploaded} uploaded  {waiting}{units}  {time}',
  '{value}/{total} ended  {waiting}{units}',
];

/** `npm run try` */
export const tryStack: Command = async (args, stopSignal) => {
  const { values, positionals } = parse('try', args, {
    count: { type: 'string' },
    rate: { type: 'string' },
    region: { type: 'string' },
    deadline: { type: 'string' },
    keep: { type: 'boolean', default: false },
    yes: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  });
  const [stack, ...files] = positionals;
  if (!stack) throw new UsageError('which stack? npm run try -- ResizeOnLambda');
  const counted = whole(values.count, '--count', 1, 10_000);
  const rate = rateOf(values.rate);
  const asked = whole(values.deadline, '--deadline', 1, 86_400);

  const account = await openAccount(values.region);
  // Before anything costs something.
  if (values.save) {
    checkWritable(isAws(await hostOf(account)) ? DEPLOYMENTS : IMITATED, 'make it writable, or run without --save');
  }
  const { region } = account;
  const explained = (error: unknown): Error => explain(error, stack, region, 'docs/try.md');
  const deployed = await openDeployed(account, stack).catch((error: unknown): never => {
    throw explained(error);
  });
  const { way, facts, settings } = deployed;
  tell(`${stack} in ${region} is ${WAYS[way].title}, ${seenText(newestDeployment(way))}`);

  const given = files.length > 0 ? await fileInputs(files) : await builtInInputs();
  const inputs = given.inputs.filter(({ bytes }) => bytes > 0);
  const empty = given.inputs
    .filter(({ bytes }) => bytes === 0)
    .map(({ key }) => `${key.slice(DEFAULTS.sourcePrefix.length)}: empty, which the job ignores`);
  for (const line of [...given.skipped, ...empty]) say(`skipped ${line}`);
  if (inputs.length === 0) throw new UsageError(`no file to process in ${files.join(', ')}`);
  const count = counted ?? inputs.length;
  const measured = measuredWork();
  const works: ReturnType<typeof workOf>[] = [];
  for (const input of inputs)
    works.push(workOf(measured, await headerOf(input, settings.limits), settings.renditions.format));
  const concurrency = way === 'lambda' ? await accountConcurrency(account) : undefined;
  const all = Array.from({ length: count }, (_, index) => works[index % works.length] as (typeof works)[number]);
  const priced = regionsWithPrices.find((each) => each === region) ?? (regionsWithPrices[0] as Region);
  const model = await inputsOf(all, priced, concurrency);
  const planned = rate ? even(count, count / rate) : burst(count);

  const most = mostUsd(facts, model, region, planned);
  const elsewhere =
    most.region === region ? '' : `; the comparison has no prices for ${region}: those of ${most.region}`;
  const different = Math.min(count, inputs.length);
  const costs = `${counts(count, 'upload')} of ${counts(different, 'picture')} ${count === 1 ? 'costs' : 'cost'} at most ${format.cents(most.usd)} beyond what the stack costs anyway${elsewhere}`;
  tell(costs);
  if (most.usd > ASK_USD && !values.yes) await confirm(costs);

  const moments = Array.from({ length: count }, (_, index) => (rate ? index / rate : 0));
  const { last } = predict(facts, model, { moments, works: all }).figures;
  const longest = Math.ceil((last?.high ?? 0) - (moments.at(-1) ?? 0));
  const deadline = asked ?? longest + retrySeconds(deployed);
  tell(
    asked === undefined
      ? `waits for ${format.duration(deadline)} after the last upload, at most: ${format.duration(longest)} until its result as predicted, the rest for retries`
      : `waits for ${format.duration(deadline)} after the last upload, at most`,
  );

  const signal = stopSignal();
  const s3 = new S3Client({ ...account.settings, maxAttempts: 5 });
  const hosts = new Set<string>();
  s3.middlewareStack.add(
    (next) => (args) => {
      hosts.add((args.request as { hostname: string }).hostname);
      return next(args);
    },
    { step: 'finalizeRequest' },
  );
  const sqs = new SQSClient({ ...account.settings, maxAttempts: 5 });
  const run = new Run(deployed, s3, sqs, inputs, count);
  let problems: readonly string[] = [];
  let isTidy = true;
  try {
    await work(run, signal, deadline, rate, deployed.units?.name);
    const written = await run.uploadTimes();
    const { slots, decoder } = await openDecoder(signal);
    tell('comparing the results with what this machine makes of the same pictures …');
    const verified = await verify(run, deployed, inputs, s3, decoder, deadline, signal, slots).finally(() =>
      decoder.close(),
    );
    ({ problems } = verified);
    const times = timesOf(run, written);
    const load = loadOf(times, run, works);
    const predicted = predict(facts, model, load);
    const figures = figuresOf(deployed, times, run.samples, predicted);
    print(...resultTable(verified, figures).split('\n'));
    for (const line of notes(deployed, run, count, rate)) printWrapped(line);
    for (const line of problems.slice(0, NAMED)) print(line);
    if (problems.length > NAMED) print(`${problems.length - NAMED} more`);
    if (counted !== undefined || rate !== undefined) draw(deployed, run, times, predicted);
    if (values.save) {
      const seen: Deployment = {
        schema: 1,
        date: new Date().toISOString(),
        way,
        stack,
        region,
        template: deployed.templateHash,
        versions: versions(),
        load: { uploads: count, pictures: different, perSecond: rate ?? null },
        figures,
        problems,
      };
      // Endpoints that imitate AWS can be set for the SDK. What they did was not seen on AWS.
      const isSeen = [...hosts].every(isAws);
      const file = saveDeployment(seen, isSeen ? DEPLOYMENTS : IMITATED);
      printWrapped(
        `${isSeen ? '' : `${[...hosts].join(', ')} is not AWS, so this is no evidence: `}saved in ${path.relative('.', file)}`,
      );
    }
  } catch (error) {
    signal.throwIfAborted();
    throw explained(error);
  } finally {
    if (values.keep) tell(`kept: s3://${deployed.sourceBucket}/${run.prefix} and its results`);
    else isTidy = await tidy(run, deployed, signal);
    s3.destroy();
    sqs.destroy();
  }
  return problems.length > 0 || !isTidy ? 1 : 0;
};

/** A sentence for the person, in the width that there is. */
const tell = (line: string) => wrapped(line, screenOf(process.stderr).columns).split('\n').forEach(say);

/** The same among the results. */
const printWrapped = (line: string) => print(...wrapped(line, screenOf(process.stdout).columns).split('\n'));

/** `1 upload`, `2 uploads` */
const counts = (count: number, one: string) => `${count} ${one}${count === 1 ? '' : 's'}`;

function rateOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const rate = Number(value);
  if (/^\d+(\.\d+)?$/.test(value) && rate >= 0.01 && rate <= 1000) return rate;
  throw new UsageError(`--rate is "${value}": expected uploads per second, from 0.01 to 1000`);
}

/** Without decoding it. What is no picture has no size. */
async function headerOf(input: Input, { pixels }: Limits): Promise<Header> {
  const bytes = await input.read();
  const found =
    sniff(bytes) &&
    (await sharp(bytes, { limitInputPixels: false })
      .metadata()
      .catch(() => undefined));
  if (!found || found.width * found.height > pixels) return { megapixels: 0, format: undefined };
  return { megapixels: (found.width * found.height) / 1e6, format: found.format };
}

/** Of Lambda, where it may be asked. */
async function accountConcurrency({ settings }: Account): Promise<number | undefined> {
  const client = new LambdaClient(settings);
  const found = await client.send(new GetAccountSettingsCommand({})).catch(() => undefined);
  client.destroy();
  return found?.AccountLimit?.ConcurrentExecutions;
}

/** Until the last attempt at what fails every time. The worker's waits can be a quarter longer; Lambda's second one is twice the first. */
const retrySeconds = ({ way }: Deployed): number =>
  WAYS[way].entry === 'function'
    ? delays['lambda-failure-retry'].low + delays['lambda-failure-retry'].high
    : Math.ceil(1.25 * RETRY_SECONDS.reduce<number>((sum, each) => sum + each, 0));

async function confirm(costs: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError(`${costs}: if that is meant, write -- before the stack, and --yes after it`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const answer = await terminal.question('Go on? [y/N] ');
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('nothing was uploaded');
}

/** Uploads and follows, with a line of progress. */
async function work(
  run: Run,
  signal: AbortSignal,
  deadline: number,
  rate: number | undefined,
  unit = '',
): Promise<void> {
  const bars = new MultiBar(
    {
      stream: process.stderr,
      format: barFormat(process.stderr, ...BAR_FORMS),
      hideCursor: true,
      noTTYOutput: true,
      notTTYSchedule: 15_000,
      linewrap: null,
    },
    undefined,
  );
  const bar = bars.create(run.uploads.length, 0, { uploaded: 0, waiting: '', units: '', time: '' });
  const show = ({ seconds, uploaded, ended, waiting, held, units }: Sample) =>
    bar.update(ended, {
      uploaded,
      waiting: waiting === null ? `${uploaded - ended} without a result` : `${waiting} wait, ${held} held`,
      units: units === null ? '' : `, ${units} ${unit}`,
      time: format.duration(Math.round(seconds)),
    });
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const give = (error: unknown) => {
    stop.abort(error);
    throw error;
  };
  try {
    const both = [run.upload(either, rate).catch(give), run.follow(either, deadline, show).catch(give)];
    await Promise.allSettled(both);
    await Promise.all(both).catch((error: unknown) => {
      throw stop.signal.aborted ? stop.signal.reason : error;
    });
  } finally {
    bars.stop();
  }
}

/** As `npm run local` has it: the bundle of the worker, and its decoders. */
async function openDecoder(signal: AbortSignal) {
  await buildBundles(['host'], undefined, signal);
  const slots = decodeSlots();
  const child = path.join(ROOT, 'dist/worker-host/decoder-child.js');
  return { slots, decoder: await Decoder.start(slots, [process.execPath, child]) };
}

/** What the figures are, in words. */
function notes({ way, units }: Deployed, run: Run, count: number, rate: number | undefined): string[] {
  const reached = count / run.uploadSeconds;
  const unseen = {
    lambda: 'How many environments run is not shown: Lambda says it in a metric, minutes later.',
    'eks-fargate': 'How many pods run is not shown: only the cluster knows. Held are the messages that they work on.',
  } as Record<string, string>;
  return [
    'Times are by S3\u2019s clock, to the second, since the first upload was written.',
    ...(units?.name === 'nodes' ? ['Nodes, not pods: how many of those run only the cluster knows.'] : []),
    ...(unseen[way] ? [unseen[way]] : []),
    ...(rate && reached < 0.9 * rate
      ? [
          `Uploads came to ${format.exact(Number(reached.toPrecision(2)))} a second, not to ${rate}: the line is too slow.`,
        ]
      : []),
  ];
}

function draw(
  { stack, way, units }: Deployed,
  run: Run,
  { uploads, results }: ReturnType<typeof timesOf>,
  { trace, results: expected }: ReturnType<typeof predict>,
): void {
  const came = [...uploads.values()];
  const ends = [...results.values()].toSorted((a, b) => a - b);
  const seconds = Math.max(run.samples.at(-1)?.seconds ?? 1, trace.lastResultSeconds ?? 1);
  const courses: Course[] = [
    {
      title: 'Without a result',
      label: 'pictures without a result',
      measured: outstanding(came, ends, run.samples.at(-1)?.seconds ?? 0),
      simulated: outstanding(came, expected, expected.at(-1) ?? 0),
    },
    ...(units
      ? [
          {
            title: units.name,
            label: `${units.name} that run`,
            measured: stepped(run.samples, (sample) => sample.units ?? Number.NaN),
            simulated: stepped(trace.points, ({ unitsRunning, hosts }) =>
              units.name === 'nodes' ? hosts : unitsRunning,
            ),
          },
        ]
      : []),
  ];
  for (const course of courses) print(...sparks(course, seconds, screenOf(process.stdout).columns));
  const file = path.join(IMITATED, `${stack}-${path.posix.basename(run.prefix)}.svg`);
  replaceFile(file, svg(`${stack}, ${run.uploads.length} uploads`, way, courses, seconds));
  printWrapped(`over ${format.duration(seconds)}; as a picture in ${path.relative('.', file)}`);
}

/** @returns whether nothing is left */
async function tidy(run: Run, { sourceBucket, resultBucket }: Deployed, { aborted }: AbortSignal): Promise<boolean> {
  try {
    if (aborted) tell(`removing s3://${sourceBucket}/${run.prefix} and its results; Ctrl-C leaves what is still there`);
    const grace = () => {
      tell(`a worker may still be writing: looking once more in ${GRACE_SECONDS} s; Ctrl-C leaves it at that`);
      return sleep(GRACE_SECONDS * 1000);
    };
    const { sources, results } = await run.remove(grace);
    say(`removed ${counts(sources, 'upload')} and ${counts(results, 'result')}`);
    return true;
  } catch (error) {
    say(
      `cannot remove everything (${(error as Error).message}): aws s3 rm --recursive s3://${sourceBucket}/${run.prefix}, and in s3://${resultBucket}/ what is below renditions/${run.prefix} and rejected/${run.prefix}`,
    );
    return false;
  }
}
