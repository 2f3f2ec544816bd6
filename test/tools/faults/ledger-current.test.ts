import { createHash } from 'node:crypto';
import { type Findings, Ledger, NO_FINDINGS, type Picture } from '../../../tools/faults/ledger';
import type { StoredObject } from '../../../tools/local/endpoints';

/** Results of two versions beside each other: the ledger accepts what tells its reader the truth, and nothing else. */

const hash = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex');
const SUN: Picture = { name: 'sun', bytes: Buffer.from('sun'), kind: 'done' };
const TORN: Picture = { name: 'torn', bytes: Buffer.from('torn'), kind: 'rejected', reason: 'corrupt' };
const EMPTY: Picture = { name: 'empty', bytes: Buffer.alloc(0), kind: 'either' };
const WIDTHS = [160, 640, 1280];
const clean = new Map([
  ['sun', new Map(WIDTHS.map((width) => [`${width}.webp`, hash('sha256', Buffer.from(`sun ${width}`))]))],
]);

/** A ledger of the versions of one key, with sequencers 01, 02, … */
function ledgerOf(...versions: Picture[]): Ledger {
  const ledger = new Ledger(clean);
  for (const [index, picture] of versions.entries()) {
    ledger.upload('k', picture);
    const object = { key: 'k', eTag: hash('md5', picture.bytes), sequencer: `0${index + 1}` };
    ledger.onEvent({ Records: [{ s3: { object } }] });
  }
  return ledger;
}

type Outputs = Readonly<Record<string, StoredObject>>;
const stored = (text: string, sequencer: string): StoredObject => ({
  body: Buffer.from(text),
  metadata: { 'source-sequencer': sequencer },
  contentType: '',
  etag: '',
});
const renditions = (sequencer: string): Outputs =>
  Object.fromEntries(WIDTHS.map((width) => [`renditions/k/${width}.webp`, stored(`sun ${width}`, sequencer)]));
const record = (sequencer: string, size = TORN.bytes.length): Outputs => ({
  'rejected/k.json': stored(JSON.stringify({ reason: 'corrupt', source: { key: 'k', size } }), sequencer),
});

test.each<[what: string, versions: Picture[], outputs: Outputs, found: Partial<Findings>]>([
  ['good, then bad', [SUN, TORN], { ...renditions('01'), ...record('02') }, {}],
  ['bad, then good', [TORN, SUN], { ...record('01'), ...renditions('02') }, {}],
  ['empty, then good', [EMPTY, SUN], renditions('02'), {}],
  ['good, then empty, which was read', [SUN, EMPTY], renditions('01'), {}],
  ['good, then empty before it was read', [SUN, EMPTY], {}, {}],
  ['empty', [EMPTY], {}, {}],
  ['a record of an empty object', [EMPTY], record('01', 0), { extra: 1 }],
  [
    'a record of the empty object beside the real one',
    [EMPTY, SUN],
    { ...record('01', 0), ...renditions('02') },
    { different: 1 },
  ],
  [
    'a record of a good version that was overtaken',
    [SUN, SUN],
    { ...record('01', 3), ...renditions('02') },
    { different: 1 },
  ],
  ['a record of the size that an event claims', [TORN], record('01', 26_000_000), { different: 1 }],
  ['renditions of the good, and no record of the bad that follows', [SUN, TORN], renditions('01'), { missing: 1 }],
  ['a record of the bad, and no renditions of the good that follows', [TORN, SUN], record('01'), { missing: 3 }],
])('%s', (_, versions, outputs, found) => {
  const { examples, ...counts } = ledgerOf(...versions).check(new Map(Object.entries(outputs)));
  const { examples: none, ...nothing } = NO_FINDINGS;
  expect(counts).toEqual({ ...nothing, ...found });
  expect(examples).toHaveLength(Object.values(found).reduce<number>((sum, count) => sum + Number(count), 0));
});

test('there must be nothing of a forgotten key', () => {
  const ledger = ledgerOf(TORN);
  ledger.forget('k');
  expect(ledger.check(new Map(Object.entries(record('01')))).extra).toBe(1);
});
