import { rmSync } from 'node:fs';
import type { Compute } from '../../../workload/contract';
import { type Defect, defectiveDist } from '../../support/defects';
import { FAULT_TEST_MS, faultRun, SMALLEST } from '../../support/faults';

/** Every promise can be broken: mistakes that somebody could make, and the scenario that notices. */

// Processes are watched through /proc.
const onLinux = process.platform === 'linux' ? describe : describe.skip;

const DELETE = `await this.sqs.send(new DeleteMessageCommand({
  QueueUrl: this.settings.queueUrl, ReceiptHandle: message.ReceiptHandle }));`;

type Case = readonly [
  what: string,
  scenario: string,
  way: Compute,
  defects: readonly Defect[],
  noticed: RegExp,
  /** In place of the scenario's: without any, nobody is killed while another version overtakes his. */
  kills?: number,
];

const CASES: readonly Case[] = [
  [
    'acknowledges a message before its job is done',
    'kill',
    'ec2',
    [
      { file: 'worker.ts', find: 'await handleEvent(', replace: `${DELETE} await handleEvent(` },
      { file: 'worker.ts', find: '  type Message,', replace: '  DeleteMessageCommand, type Message,' },
    ],
    /^lost/,
  ],
  [
    'does not compare sequencers',
    'kill',
    'ec2',
    [{ file: 'store.ts', find: "if (order > 0) return 'superseded';", replace: '' }],
    /^outdated/,
    0,
  ],
  [
    'writes without a condition',
    'kill',
    'ec2',
    [
      {
        file: 'store.ts',
        find: 'new PutObjectCommand({ ...put, ...condition })',
        replace: 'new PutObjectCommand(put)',
      },
    ],
    /^outdated/,
    0,
  ],
  [
    'is done after the first rendition',
    'kill',
    'ec2',
    [
      {
        file: 'job.ts',
        find: 'outputs.map((output) => {',
        replace: 'outputs.slice(0, 1).map((output) => {',
      },
    ],
    /^missing/,
  ],
  [
    'encodes with other settings',
    'kill',
    'ec2',
    [{ file: 'resize.ts', find: 'quality: 80, effort: 2', replace: 'quality: 79, effort: 2' }],
    /^different/,
  ],
  [
    'writes something besides',
    'kill',
    'ec2',
    [
      {
        file: 'job.ts',
        find: 'const bytesOut = outputs',
        replace: "outputs.push({ ...outputs[0], key: outputs[0].key + '.copy' }); const bytesOut = outputs",
      },
    ],
    /^extra/,
  ],
  [
    'believes the size that an event claims',
    'kill',
    'ec2',
    [
      {
        file: 's3-events.ts',
        find: 'const { eTag, sequencer } = object;',
        replace: 'const { eTag, sequencer, size } = object;',
      },
      { file: 's3-events.ts', find: '      bucket: bucket as string,', replace: 'bucket: bucket as string, size,' },
      {
        file: 'job.ts',
        find: 'await openSource(s3, version, transferSignal(signal));',
        replace: `version.size > settings.limits.bytes ? { version, size: version.size, close() {} }
          : await openSource(s3, version, transferSignal(signal));`,
      },
    ],
    /^different/,
    0,
  ],
  [
    'rejects empty objects',
    'lambda',
    'lambda',
    [
      {
        file: 'job.ts',
        find: "if (source.size === 0) return { outcome: { state: 'ignored', detail: 'an empty object' }, outputs: [] };",
        replace: '',
      },
    ],
    /^different/,
  ],
  [
    'swallows failures',
    'lambda',
    'lambda',
    [{ file: 'job.ts', find: 'if (failure) throw failure;', replace: '' }],
    /^hopeless, 1 events and 0 records of failure/,
  ],
  [
    'fails for good now and then',
    'lambda',
    'lambda',
    [
      {
        file: 'job.ts',
        find: 'if (failure) throw failure;',
        replace: "if (failure || JSON.stringify(body).includes('00007')) throw new Error('for good');",
      },
    ],
    /^in the failure destination, and not hopeless/,
  ],
  [
    'dies without being killed',
    'kill',
    'ec2',
    [
      {
        file: 'worker.ts',
        find: 'worker.start();',
        replace: 'worker.start(); setTimeout(() => process.exit(4), 1500);',
      },
    ],
    /more processes died than were killed/,
  ],
  [
    'takes a message and forgets it, at first',
    'kill',
    'ec2',
    [
      {
        file: 'worker.ts',
        find: 'await handleEvent(',
        replace: 'if (receives === 1 && message.Body.includes("/0001")) return undefined; await handleEvent(',
      },
    ],
    /messages handed out again without a kill/,
  ],
  [
    'goes on asking for work after SIGTERM',
    'stop',
    'ec2',
    [
      { file: 'worker.ts', find: 'for (const consumer of this.consumers) consumer.stop();', replace: '' },
      { file: 'worker.ts', find: "this.stopping.abort(new Error('the worker is stopping'));", replace: '' },
    ],
    /asks for work .* after SIGTERM/,
  ],
  [
    'does not end cleanly when it is stopped',
    'stop',
    'ec2',
    [{ file: 'worker.ts', find: '() => process.exit(0),', replace: '() => process.exit(3),' }],
    /exited with code 3/,
  ],
  [
    'retries what can never succeed',
    'poison',
    'ec2',
    [{ file: 'job.ts', find: 'if (!(error instanceof Rejection)) throw error;', replace: 'throw error;' }],
    /handed out more than once/,
  ],
  [
    'lets a decode take as much CPU as it likes',
    'poison',
    'ec2',
    [{ file: 'decoder.ts', find: 'if (cpuSeconds >= limits.cpuSeconds) {', replace: 'if (cpuSeconds < 0) {' }],
    /rejections of .* poisonous pictures/,
  ],
  [
    'has no heartbeat',
    'slow',
    'ec2',
    [{ file: 'worker.ts', find: 'heartbeatInterval: Math.min(', replace: 'heartbeatInterval: undefined && Math.min(' }],
    /redeliveries of what was being worked on/,
  ],
  [
    'has heartbeats that leave no room for a late one',
    'slow',
    'ec2',
    [{ file: 'worker.ts', find: 'const HEARTBEATS_PER_TIMEOUT = 6;', replace: 'const HEARTBEATS_PER_TIMEOUT = 1.5;' }],
    // On a busy machine one that is late is too late.
    /without a heartbeat|redeliveries/,
  ],
  [
    'takes a refusal for an absence',
    'storage',
    'ec2',
    [{ file: 'store.ts', find: "if (is(error, 404, 'NoSuchKey'))", replace: 'if (is(error, 404) || is(error, 403))' }],
    /^never readable, and not in the failure queue/,
  ],
  [
    'acknowledges what has failed',
    'storage',
    'ec2',
    [{ file: 'worker.ts', find: 'return undefined;', replace: 'return message;' }],
    /^never readable, and not in the failure queue/,
  ],
  [
    'asks a hundred times when it got no answer',
    'storage',
    'ec2',
    [
      { file: 'clients.ts', find: 'new S3Client({', replace: 'new S3Client({ maxAttempts: 1,' },
      {
        file: 'store.ts',
        find: "if (is(error, 412)) return 'superseded';",
        replace: `if (is(error, 412)) return 'superseded';
          for (let i = 0; i < 100; i += 1) await head(s3, Bucket, Key, signal).catch(() => {});`,
      },
    ],
    /times the requests of a run without faults/,
  ],
  [
    'gives up after two and a half minutes',
    'outage',
    'ec2',
    [
      {
        file: 'contract.ts',
        find: 'RETRY_SECONDS = [10, 60, 600, 1200]',
        replace: 'RETRY_SECONDS = [10, 20, 40, 80]',
      },
    ],
    /^in the failure queue, although S3 came back/,
  ],
  [
    'comes back less than half an hour later',
    'outage',
    'ec2',
    [{ file: 'worker.ts', find: '(1 + Math.random() / 4)', replace: '(0.75 + Math.random() / 8)' }],
    /^in the failure queue, although S3 came back/,
  ],
  [
    'holds what has failed until S3 is back',
    'outage',
    'ec2',
    [
      {
        file: 'worker.ts',
        find: "waitSeconds = error.kind === 'transient' ? retrySeconds(receives) : 0;",
        replace: 'await new Promise(() => {});',
      },
    ],
    /events come to no end while others wait/,
  ],
  [
    'drops what has failed',
    'outage',
    'lambda',
    [{ file: 'job.ts', find: 'if (failure) throw failure;', replace: '' }],
    /^0 times in the failure queue after the outage/,
  ],
  [
    'has no deadline for a decode',
    'fuzz',
    'ec2',
    [
      {
        file: 'decoder.ts',
        find: 'const now = usage(this.process.pid);',
        replace: 'if (limits) return; const now = usage(this.process.pid);',
      },
    ],
    /a decode of \d+ ms|^different/,
  ],
  [
    'dies of corrupt pictures',
    'fuzz',
    'ec2',
    [
      {
        file: 'job.ts',
        find: 'const { reason, detail } = error;',
        replace: `const { reason, detail } = error;
          globalThis.corrupt = (globalThis.corrupt ?? 0) + 1;
          if (globalThis.corrupt === 30) process.exit(3);`,
      },
    ],
    /processes died/,
  ],
  [
    'keeps memory of every picture',
    'soak',
    'ec2',
    [
      {
        file: 'job.ts',
        find: 'bytesIn = input.length;',
        replace: 'bytesIn = input.length; ((globalThis as any).kept ??= []).push(Buffer.alloc(8e6, 1));',
      },
    ],
    /resident memory grew/,
  ],
  [
    'leaves a file open',
    'soak',
    'ec2',
    [
      {
        file: 'job.ts',
        find: 'bytesIn = input.length;',
        replace: "bytesIn = input.length; require('node:fs').openSync('/dev/null');",
      },
    ],
    /open handles after/,
  ],
  [
    'leaves a temporary file',
    'soak',
    'lambda',
    [
      {
        file: 'job.ts',
        find: 'bytesIn = input.length;',
        replace: "bytesIn = input.length; require('node:fs').writeFileSync(require('node:os').tmpdir() + '/left', '');",
      },
    ],
    /temporary files are left: left/,
  ],
  [
    'now and then starts a decoder too many',
    'soak',
    'ec2',
    [
      {
        file: 'decoder.ts',
        find: 'if (child.dead) next = this.replace(child);',
        replace: 'globalThis.n = (globalThis.n ?? 0) + 1; if (globalThis.n % 8 === 0) next = this.spawn();',
      },
    ],
    /children after/,
  ],
];

onLinux('a workload that', () => {
  for (const [what, scenario, way, defects, noticed, kills] of CASES) {
    test(
      `${what} is caught by ${scenario} on ${way}`,
      async () => {
        const dist = await defectiveDist(defects);
        try {
          const row = await faultRun(scenario, way, {
            dist,
            sizes: SMALLEST,
            ...(kills !== undefined && { kills }),
          });
          expect(row.broken).toContainEqual(expect.stringMatching(noticed));
          expect(row.ok).toBe(false);
        } finally {
          rmSync(dist, { recursive: true });
        }
      },
      FAULT_TEST_MS,
    );
  }
});
