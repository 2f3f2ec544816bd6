import { type Compute, DEFAULTS, REJECTION_REASONS } from '../../workload/contract';
import { type Screen, screenOf, table, wrapped } from '../terminal';
import type { Endpoints } from './endpoints';
import { LOCAL_CREDENTIALS } from './permissions';
import type { LocalRunResults, ObjectResult, WayResults } from './results';
import { LOCAL_REGION, type Way } from './ways';

/** The results of a local run: for people, for the contact sheet, and for programs. */

const RARE = ['superseded', 'gone', 'ignored', 'malformed'] as const;

/** One row of the summary per way; every value is text with its unit. */
export function summary(results: readonly WayResults[]): { way: Compute; columns: Record<string, string> }[] {
  return results.map((result) => {
    const { p50Ms, p95Ms } = percentiles(result);
    return {
      way: result.compute,
      columns: {
        ...ends(result, results),
        'first result': seconds(result.firstMs),
        total: seconds(result.totalMs),
        p50: milliseconds(p50Ms),
        p95: milliseconds(p95Ms),
        'peak memory': mebibytes(result.memory?.totalMib),
        'largest decoder': mebibytes(result.memory?.decoderMib),
        'calls judged': String(result.permissions.judged),
        '  refused': String(result.permissions.refused),
        'unused permissions': String(result.permissions.unused.length),
      },
    };
  });
}

/** What is known of a run's pictures. */
type Ended = Pick<WayResults, 'objects'>;

/**
 * How many objects came to which end.
 * @param all what is shown beside each other, which then has the same rows
 */
export function ends(result: Ended, all: readonly Ended[]): Record<string, string> {
  const reasons = REJECTION_REASONS.filter((reason) => all.some((each) => count(each, 'rejected', reason) > 0));
  const others = RARE.filter((state) => all.some((each) => count(each, state) > 0));
  return {
    done: String(count(result, 'done')),
    rejected: String(count(result, 'rejected')),
    ...Object.fromEntries(reasons.map((reason) => [`  ${reason}`, String(count(result, 'rejected', reason))])),
    // States that a run rarely has, so that the rows add up.
    ...Object.fromEntries(others.map((state) => [state, String(count(result, state))])),
    failed: String(count(result, 'failed')),
  };
}

/** The summary as a table for a terminal. The ways are the columns, as on the contact sheet, because they are compared. */
export function summaryTable(results: readonly WayResults[], screen?: Screen): string {
  const ways = summary(results);
  const rows = Object.keys(ways[0]?.columns ?? {}).map((name) => [
    name,
    ...ways.map(({ columns }) => columns[name] ?? ''),
  ]);
  return table(['', ...ways.map(({ way }) => way)], rows, 1, screen);
}

/** The results for a program, as documented for `--json`. Memory is in MiB, `null` where there is no /proc. */
export function toJson({ ways, byteEqual }: LocalRunResults): string {
  const entries = ways.map((result) => {
    const states = (['done', 'rejected', 'failed', 'superseded', 'ignored', 'gone', 'malformed'] as const).map(
      (state) => [state, count(result, state)] as const,
    );
    const peakRssMb = result.memory ? Math.round(result.memory.totalMib) : null;
    const { permissions } = result;
    return [result.compute, { ...Object.fromEntries(states), ...percentiles(result), peakRssMb, permissions }] as const;
  });
  return JSON.stringify({ ways: Object.fromEntries(entries), byteEqual });
}

/** Whether the run shows what it is meant to show. */
export function succeeded({ ways, byteEqual }: LocalRunResults): boolean {
  return (
    byteEqual &&
    ways.every(
      (way) =>
        way.deaths === 0 && way.permissions.refused === 0 && count(way, 'failed') + count(way, 'malformed') === 0,
    )
  );
}

function count({ objects }: Ended, state: ObjectResult['state'], reason?: string): number {
  return [...objects.values()].filter((object) => object.state === state && (!reason || object.reason === reason))
    .length;
}

/** Nearest-rank percentiles of the time per object. `null` when nothing was timed. */
export function percentiles({ objects }: Ended): { p50Ms: number | null; p95Ms: number | null } {
  const times = [...objects.values()].flatMap(({ milliseconds: time }) => time ?? []).sort((a, b) => a - b);
  const at = (share: number) => times[Math.ceil(share * times.length) - 1] ?? null;
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const milliseconds = (ms: number | null) => (ms === null ? 'n/a' : `${ms} ms`);
const mebibytes = (mib: number | undefined) => (mib === undefined ? 'n/a' : `${Math.round(mib)} MiB`);

/** Whether the ways agree, and what went wrong behind the pictures: a line each. */
export function verdict({ ways, byteEqual }: LocalRunResults, screen: Screen = screenOf(process.stdout)): string {
  const dead = ways.filter(({ deaths }) => deaths > 0).map(({ compute, deaths }) => `${compute} ${deaths}`);
  const lines = [
    byteEqual
      ? `byte-equal: ${ways.length === 1 ? 'one way, nothing to compare' : `all ${ways.length} ways wrote the same bytes`}`
      : 'NOT byte-equal: the ways differ; the contact sheet shows where',
  ];
  if (dead.length > 0) lines.push(`processes that died: ${dead.join(', ')}`);
  for (const { compute, permissions } of ways) {
    lines.push(
      ...permissions.refusals.map(
        ({ explanation, calls }) =>
          `${compute}, refused${calls > 1 ? ` ${calls} times, for example` : ''}: ${explanation}`,
      ),
    );
  }
  lines.push(...unusedPermissions(ways));
  return lines.map((line) => wrapped(line, screen.columns)).join('\n');
}

/** What the roles may do and no call needed, with the ways in which that is so. */
function unusedPermissions(ways: readonly WayResults[]): string[] {
  const by = new Map<string, Compute[]>();
  for (const { compute, permissions } of ways) {
    for (const permission of permissions.unused) {
      // `s3:ListBucket on ec2-output`: of the others it is `lambda-output`.
      const shared = permission.replace(` on ${compute}-`, ' on ');
      by.set(shared, [...(by.get(shared) ?? []), compute]);
    }
  }
  const lines = [...by].map(([permission, computes]) => {
    const whose = computes.length === ways.length ? '' : ` (${computes.join(', ')})`;
    return `  ${permission}${whose}`;
  });
  return lines.length === 0
    ? []
    : [
        'permissions that no call of this run needed; beside each grant, in lib/constructs, stands what does:',
        ...lines,
      ];
}

/**
 * How to use what `--keep` leaves up, with the AWS CLI: for all ways at once, as lines to paste into a shell. Every command
 * names the endpoint, because version 1 of the CLI does not read AWS_ENDPOINT_URL for a queue.
 */
export function howToUse(endpoints: Endpoints, ways: readonly Way[]): string {
  const [{ compute, sourceBucket, outputBucket, failureQueue }, ...others] = ways as readonly [Way, ...Way[]];
  const anyWay = (name: string) => name.replace(compute, '$WAY').replace(endpoints.url, '$URL');
  const choice = others.length > 0 ? `  # or ${others.map((way) => way.compute).join(', ')}` : '';
  const keys = `AWS_ACCESS_KEY_ID=${LOCAL_CREDENTIALS.accessKeyId} AWS_SECRET_ACCESS_KEY=${LOCAL_CREDENTIALS.secretAccessKey}`;
  return [
    '',
    wrapped(`S3 and SQS stay up at ${endpoints.url}, and so do the ways, until Ctrl-C. In another terminal:`, 80),
    '',
    `  export ${keys}`,
    `  export AWS_REGION=${LOCAL_REGION} AWS_DEFAULT_REGION=${LOCAL_REGION}`,
    `  URL=${endpoints.url}`,
    `  WAY=${compute}${choice}`,
    `  aws --endpoint-url $URL s3 cp PICTURE s3://${anyWay(sourceBucket)}/${DEFAULTS.sourcePrefix}`,
    `  aws --endpoint-url $URL s3 ls --recursive s3://${anyWay(outputBucket)}/`,
    '  aws --endpoint-url $URL sqs receive-message \\',
    `    --queue-url ${anyWay(endpoints.queueUrl(failureQueue))}  # what failed`,
  ].join('\n');
}
