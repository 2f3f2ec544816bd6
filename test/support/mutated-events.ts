import { Random } from '../../tools/faults/random';
import { MAX_EVENT_RECORDS } from '../../workload/contract';
import { type EventRecord, parseS3Event } from '../../workload/s3-events';
import { s3Record } from './events';

/** Events that nobody should be able to hurt the parser with: records of S3 in which something has been replaced. */

/** Deep enough to overflow the stack of whatever goes through it by recursion, as JSON.stringify does and JSON.parse does not. */
const DEPTH = 6_000;
const nested = (open: string, close: string) => `${open.repeat(DEPTH)}0${close.repeat(DEPTH)}`;

/** Values as they stand in the JSON of an event, because some of them JSON.stringify cannot write. */
const DEEP = [nested('[', ']'), nested('{"a":', '}'), nested('{"toJSON":', '}')];
/** Of the values. Few, because each takes as long as a thousand others. */
const DEEP_SHARE = 0.001;
const HOSTILE = [
  ...['null', 'true', '0', '-1', '2.1', '1e12', '1e999', '-0', '9'.repeat(400), '""', '[]', '{}', '[[]]', '["2.1"]'],
  ...['{"toString":1,"valueOf":1}', '{"toJSON":{}}', '{"__proto__":null}', '{"length":1}', '{"name":null,"key":[]}'],
  ...[
    '"%"',
    '"%ZZ"',
    '"%E0%A4%A"',
    '"%ED%A0%80"',
    '"%C0%AF"',
    '"\\ud800"',
    '"incoming/\\udc00.jpg"',
    '"\\ude00\\ud83d"',
  ],
  ...[
    '"\\u0000"',
    '"\\r\\nx: y"',
    '"\\u202e"',
    '"\\u2028"',
    '"\\u001b[2J"',
    '"__proto__"',
    '"constructor"',
    '"+"',
    '"%2B"',
  ],
  ...['x', '%00', '%F0%9F%90%88', '\\u0001', '\\ud83d'].map((unit) => `"${unit.repeat(2000)}"`),
];
const NAMES = ['__proto__', 'toJSON', 'constructor', 'Records', 's3', 'key', 'eTag', 'eventName', 'size', 'length'];

/** Any object or value of a record, by its place in it. */
const PLACES = [
  ...[[], ['eventVersion'], ['eventSource'], ['eventName'], ['s3']],
  ...[['bucket'], ['bucket', 'name'], ['object']].map((path) => ['s3', ...path]),
  ...['key', 'size', 'eTag', 'sequencer'].map((name) => ['s3', 'object', name]),
];

/** Stands where the hostile text is put in afterwards. */
const HERE = '<here>';

/** The JSON of a record that has one to three things replaced, removed or added. */
function mutant(random: Random): string {
  const root = { record: s3Record() as unknown };
  const values: string[] = [];
  const hostile = () => {
    values.push(random.pick(random.chance(DEEP_SHARE) ? DEEP : HOSTILE));
    return HERE;
  };
  for (let left = 1 + random.int(3); left > 0; left -= 1) {
    const place = ['record', ...random.pick(PLACES)];
    const name = place.pop() as string;
    let holder = root as unknown as Record<string, unknown>;
    for (const step of place) holder = Object(holder[step]);
    const change = random.int(10);
    if (change === 0) delete holder[name];
    else if (change === 1 && typeof holder[name] === 'object') Object(holder[name])[random.pick(NAMES)] = hostile();
    else if (change === 2 && typeof holder[name] === 'string') holder[name] = garbled(holder[name], random);
    else holder[name] = hostile();
  }
  // Values of what was replaced again, or added to what cannot hold it, are left over.
  return (JSON.stringify(root.record) ?? 'null').replaceAll(`"${HERE}"`, () => values.pop() as string);
}

/** Text with one of its units replaced by any other. */
function garbled(text: string, random: Random): string {
  const at = random.int(text.length + 1);
  return text.slice(0, at) + String.fromCharCode(random.int(0x10000)) + text.slice(at + 1);
}

/** What is wrong with what the parser made of an event of this many records. */
function wrong(records: readonly EventRecord[], good: EventRecord, at: number, count: number): string | undefined {
  if (records.length !== count) return `${records.length} of ${count} records`;
  if (JSON.stringify(records[at]) !== JSON.stringify(good)) return 'the good record was not found again';
  for (const record of records) {
    if (record.kind !== 'created') {
      if (record.detail.length > 200) return `${record.detail.length} characters about one record`;
      continue;
    }
    const { bucket, key, etag = 'x', sequencer = '0' } = record.version;
    if (!key.isWellFormed() || Buffer.byteLength(key) > 1024 || key === '') return `accepts the key ${key}`;
    if (bucket.length > 255) return `accepts the bucket ${bucket}`;
    if (!/^[\w-]{1,128}$/.test(etag) || !/^[\dA-Fa-f]{1,64}$/.test(sequencer)) return `accepts ${etag}, ${sequencer}`;
  }
  return undefined;
}

/**
 * Parses events of mutated records with a good one among them, and texts that are no events any more.
 *
 * @returns what went wrong, at most the first ten; and how often the parser came to which end
 */
export function parseMutants(seed: number, events: number): { found: string[]; ends: Record<string, number> } {
  const found: string[] = [];
  const ends: Record<string, number> = {};
  const good = JSON.stringify(s3Record({ key: 'incoming/good.jpg', sequencer: 'FF' }));
  const [expected] = parseS3Event(`{"Records":[${good}]}`) as [EventRecord];
  for (let number = 0; number < events && found.length < 10; number += 1) {
    const random = new Random(`${seed}/${number}`);
    const others = Array.from({ length: 1 + random.int(3) }, () => mutant(random));
    const at = random.int(others.length + 1);
    const body = `{"Records":[${others.toSpliced(at, 0, good).join()}]}`;
    try {
      const records = parseS3Event(body);
      for (const { kind } of records) ends[kind] = (ends[kind] ?? 0) + 1;
      const fault = wrong(records, expected, at, others.length + 1);
      if (fault) found.push(`event ${number}: ${fault}`);
      // Cut off or garbled anywhere, by which it is mostly no JSON any more, and too many of them.
      parseS3Event(random.chance(0.5) ? garbled(body, random) : body.slice(0, random.int(body.length)));
      if (number % 100 > 0) continue;
      const many = parseS3Event(`{"Records":[${Array.from({ length: MAX_EVENT_RECORDS }, () => others[0])},${good}]}`);
      if (many.length !== 1 || many[0]?.kind !== 'malformed') found.push(`event ${number}: too many records are read`);
    } catch (error) {
      found.push(`event ${number}: ${error}`);
    }
  }
  return { found, ends };
}
