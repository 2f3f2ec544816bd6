import { type Screen, screenOf, table, wrapped } from '../terminal';
import type { BenchResults } from './results';
import type { Ratio, Unit } from './targets';

/** The results as tables for a terminal. */

export function tables(results: BenchResults, screen: Screen = screenOf(process.stdout)): string {
  const { machine, versions } = results;
  const { columns } = screen;
  return [
    wrapped(
      `${results.date}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.os} ${machine.arch}`,
      columns,
    ),
    wrapped(
      `Node ${versions.node}, sharp ${versions.sharp}, libvips ${versions.libvips}; ${results.rounds} rounds, interleaved`,
      columns,
    ),
    '',
    'CPU per picture by design, three renditions',
    table(
      ['pictures', 'design', 'out', 'CPU ms', 'lowest', 'highest', 'peak\nMiB'],
      results.designs.map((row) => [
        row.set,
        row.design,
        row.outputFormat,
        ...[row.cpuMs, row.low, row.high].map((ms) => ms.toFixed(1)),
        mib(row.peakMib),
      ]),
      3,
      screen,
    ),
    ...perPicture(results, screen),
    ...(results.workers.length > 0 ? ['', 'The worker on the local endpoints', workerTable(results, screen)] : []),
    ...(results.lambda
      ? [
          '',
          wrapped(
            `function, 12 MP: cold ${results.lambda.coldCpuMs.toFixed(0)} ms CPU in ${results.lambda.coldWallMs.toFixed(0)} ms, ` +
              `warm ${results.lambda.warmCpuMs.toFixed(0)} ms CPU in ${results.lambda.warmWallMs.toFixed(0)} ms`,
            columns,
          ),
        ]
      : []),
    ...throughput(results, screen),
    ...billed(results, screen),
    '',
    wrapped('Ratios of CPU-seconds (of time where it says so), and sizes', columns),
    table(
      ['', 'value', 'lowest', 'highest', 'target', ''],
      results.ratios.map((row) => [
        row.name,
        figure(row.value, row.unit),
        ...[row.low, row.high].map((value) => figure(value, row.unit)),
        bound(row),
        row.met === null ? '' : row.met ? 'met' : 'MISSED',
      ]),
      1,
      screen,
    ),
    ...results.absent.map((line) => wrapped(`not measured: ${line}`, columns)),
  ].join('\n');
}

/** One line for each target that is missed. */
export function missed({ ratios }: BenchResults): string[] {
  return ratios
    .filter(({ met }) => met === false)
    .map((row) => `missed: ${row.name} is ${figure(row.value, row.unit)}, target ${bound(row)}`);
}

function perPicture({ perImage }: BenchResults, screen: Screen): string[] {
  if (perImage.length === 0) return [];
  return [
    '',
    wrapped('Per picture: decoder (pixel path), whole worker, memory of a fresh decoder', screen.columns),
    table(
      ['picture', 'MP', 'out', 'kB in', 'kB out', 'decoder\nms', 'worker\nms', 'peak\nMiB'],
      perImage.map((row) => [
        row.name,
        row.megapixels.toFixed(row.megapixels < 1 ? 2 : 1),
        `${row.renditions} ${row.outputFormat}`,
        ...[row.bytesIn, row.bytesOut].map((bytes) => (bytes / 1000).toFixed(1)),
        row.cpuMs.toFixed(1),
        row.jobCpuMs === null ? 'n/a' : row.jobCpuMs.toFixed(1),
        mib(row.decoderPeakMib),
      ]),
      1,
      screen,
    ),
  ];
}

function workerTable({ workers, worker, stream }: BenchResults, screen: Screen): string {
  const rows = workers.map((row) => [
    `${row.messagesPerSlot} messages per slot, ${row.slots} slots`,
    row.outputFormat,
    row.jobCpuMs.toFixed(1),
    row.picturesPerSecond.toFixed(1),
    mib(row.peakPssMib),
  ]);
  const found = table(['camera JPEGs', 'out', 'CPU ms', 'pictures/s\nby the clock', 'peak PSS\nMiB'], rows, 2, screen);
  const lines = [found];
  if (worker) lines.push(`start: ${worker.startCpuMs.toFixed(0)} ms CPU in ${worker.startWallMs.toFixed(0)} ms`);
  if (stream) {
    const { picture, jobCpuMs, decoderCpuMs, peakPssMib, pictures } = stream;
    const cpu = `${jobCpuMs.toFixed(1)} ms CPU in the whole worker, ${decoderCpuMs.toFixed(1)} ms in its decoder alone`;
    const peak = `peak ${mib(peakPssMib)} MiB after ${pictures} pictures`;
    lines.push(wrapped(`${picture}: ${cpu}; ${peak}`, screen.columns));
  }
  return lines.join('\n');
}

/** A row for each delay, a column for each number of messages. */
function throughput({ throughput }: BenchResults, screen: Screen): string[] {
  if (throughput.length === 0) return [];
  const numbers = [...new Set(throughput.map(({ messagesPerSlot }) => messagesPerSlot))];
  const lines = Map.groupBy(throughput, ({ picture, delayMs }) => `${picture}, ${delayMs} ms`);
  const rows = [...lines.values()].map((line) => [
    line[0]?.picture ?? '',
    `${line[0]?.delayMs} ms`,
    ...numbers.map(
      (number) => line.find(({ messagesPerSlot }) => messagesPerSlot === number)?.picturesPerSecond.toFixed(1) ?? '',
    ),
  ]);
  return [
    '',
    wrapped('Pictures per second of one slot, by messages held for it', screen.columns),
    table(['picture', 'S3 request', ...numbers.map(String)], rows, 1, screen),
  ];
}

function billed({ billed }: BenchResults, screen: Screen): string[] {
  if (billed.length === 0) return [];
  const rows = billed.map(({ design, memoryMb, delayMs, billedMs, low, high }) => [
    design,
    `${memoryMb} MB`,
    `${delayMs} ms`,
    ...[billedMs, low, high].map((ms) => ms.toFixed(0)),
  ]);
  return [
    '',
    wrapped(`Billed duration of the function, warm, ${billed[0]?.picture}`, screen.columns),
    table(['function', 'memory', 'S3 request', 'billed ms', 'lowest', 'highest'], rows, 1, screen),
  ];
}

/** `1.93`, `131 MB`. */
export function figure(value: number, unit: Unit): string {
  if (unit === 'x') return value.toFixed(2);
  if (unit === 'renditions' || unit === 'widths') return value.toFixed(0);
  return `${value.toFixed(unit === 'MB' && value < 20 ? 1 : 0)} ${unit}`;
}

/** `>= 1.90`, `<= 170 MB`, or nothing. */
export function bound({ atLeast, atMost, unit }: Ratio): string {
  if (atLeast !== undefined) return `>= ${figure(atLeast, unit)}`;
  return atMost === undefined ? '' : `<= ${figure(atMost, unit)}`;
}

const mib = (value: number | null) => (value === null ? 'n/a' : value.toFixed(0));
