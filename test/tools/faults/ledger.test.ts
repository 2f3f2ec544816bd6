import { createHash } from 'node:crypto';
import { Ledger, type Picture } from '../../../tools/faults/ledger';
import type { StoredObject } from '../../../tools/local/endpoints';

const hash = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex');
const picture = (name: string, reason?: string): Picture => ({
  name,
  bytes: Buffer.from(name),
  kind: reason ? 'rejected' : 'done',
  ...(reason && { reason }),
});
const [sun, moon, torn] = [picture('sun'), picture('moon'), picture('torn', 'corrupt')];
const WIDTHS = ['160', '640', '1280'];
const clean = new Map(
  [sun, moon].map(({ name }) => [
    name,
    new Map(WIDTHS.map((width) => [`${width}.webp`, hash('sha256', Buffer.from(`${name} ${width}`))])),
  ]),
);

/** A ledger of uploads, sequencers counted from 1. */
function ledgerOf(...uploads: [key: string, picture: Picture][]): Ledger {
  const ledger = new Ledger(clean);
  for (const [index, [key, uploaded]] of uploads.entries()) {
    ledger.upload(key, uploaded);
    const object = { key: key.replaceAll(' ', '+'), eTag: hash('md5', uploaded.bytes), sequencer: `0${index + 1}` };
    ledger.onEvent({ Records: [{ s3: { object } }] });
  }
  return ledger;
}

type Outputs = Record<string, StoredObject>;
const stored = (text: string, sequencer: string): StoredObject => ({
  body: Buffer.from(text),
  metadata: { 'source-sequencer': sequencer },
  contentType: '',
  etag: '',
});
const renditions = (key: string, name: string, sequencer: string): Outputs =>
  Object.fromEntries(WIDTHS.map((width) => [`renditions/${key}/${width}.webp`, stored(`${name} ${width}`, sequencer)]));
const record = (key: string, reason: string, sequencer: string, size = torn.bytes.length): Outputs => ({
  [`rejected/${key}.json`]: stored(JSON.stringify({ reason, source: { key, size } }), sequencer),
});
const check = (ledger: Ledger, ...outputs: Outputs[]) =>
  ledger.check(new Map(Object.entries(Object.assign({}, ...outputs))));

const NOTHING = { lost: 0, missing: 0, extra: 0, different: 0, outdated: 0, examples: [] };

describe('the ledger of a fault run', () => {
  test('is content with what the newest version makes, and with leftovers of an older one', () => {
    const ledger = ledgerOf(['a b', sun], ['c', torn], ['d', sun], ['d', torn], ['e', torn], ['e', moon]);
    const found = check(
      ledger,
      renditions('a b', 'sun', '01'),
      record('c', 'corrupt', '02'),
      { ...renditions('d', 'sun', '03'), ...record('d', 'corrupt', '04') },
      { ...record('e', 'corrupt', '05'), ...renditions('e', 'moon', '06') },
    );
    expect(found).toEqual(NOTHING);
  });

  const sunny = () => ledgerOf(['k', sun]);
  const sunnyThenMoonlit = () => ledgerOf(['k', sun], ['k', moon]);
  const whole = renditions('k', 'sun', '01');
  const { 'renditions/k/640.webp': _, ...incomplete } = whole;
  const half = { 'renditions/k/160.webp': stored('moon 160', '02') };

  test.each<[string, () => Ledger, Outputs, Partial<typeof NOTHING>]>([
    ['an object without any result', sunny, {}, { lost: 1 }],
    ['a rendition that is missing', sunny, incomplete, { missing: 1 }],
    ['other bytes', sunny, { ...whole, 'renditions/k/640.webp': stored('sun 641', '01') }, { different: 1 }],
    [
      'a version that never was',
      sunny,
      { ...whole, 'renditions/k/640.webp': stored('sun 640', '09') },
      { different: 1 },
    ],
    ['an object of no upload', sunny, { ...whole, ...renditions('other', 'sun', '01') }, { extra: 3 }],
    ['a fourth rendition', sunny, { ...whole, 'renditions/k/320.webp': stored('x', '01') }, { extra: 1 }],
    ['two verdicts on one version', sunny, { ...whole, ...record('k', 'corrupt', '01') }, { different: 1 }],
    ['an older version at the end', sunnyThenMoonlit, whole, { outdated: 3 }],
    ['a mixture of versions', sunnyThenMoonlit, { ...whole, ...half }, { outdated: 2 }],
    ['the wrong reason', () => ledgerOf(['k', torn]), record('k', 'too-large', '01'), { different: 1 }],
    ['a rejection of a good picture', sunny, record('k', 'corrupt', '01'), { different: 1, missing: 3 }],
  ])('notices %s', (_, ledger, outputs, expected) => {
    expect(check(ledger(), outputs)).toMatchObject({ ...NOTHING, ...expected, examples: expect.any(Array) });
  });

  test('asks nothing of an object that was deleted, but that what exists of it is right', () => {
    const ledger = sunny();
    ledger.excuse('k');
    expect(check(ledger)).toEqual(NOTHING);
    expect(check(ledger, incomplete)).toEqual(NOTHING);
    expect(check(ledger, { 'renditions/k/160.webp': stored('moon 160', '01') }).different).toBe(1);
  });

  test('does not accept an event of bytes that nobody uploaded', () => {
    const object = { key: 'k', eTag: 'x', sequencer: '01' };
    expect(() => new Ledger(clean).onEvent({ Records: [{ s3: { object } }] })).toThrow('does not know');
  });
});
