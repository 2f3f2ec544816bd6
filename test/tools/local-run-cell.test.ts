import { cell } from '../../tools/local/run';

/** What the contact sheet shows of an object of which two versions have left results. */

const KEY = 'incoming/a.jpg';
const MADE = { widths: [160, 640, 1280], format: 'webp' } as const;
const file = (path: string, sequencer: string) => ({
  path: `/out/ec2/${path}`,
  bytes: 1,
  sha256: 'ab',
  metadata: { 'source-sequencer': sequencer },
});
const renditions = (sequencer: string) =>
  [160, 640, 1280].map((width) => {
    const name = `renditions/${KEY}/${width}.webp`;
    return [name, file(name, sequencer)] as const;
  });
const record = (sequencer: string) => [`rejected/${KEY}.json`, file('rejected', sequencer)] as const;

test('shows the renditions when they are newer than the record', () => {
  const files = new Map([...renditions('02'), record('01')]);
  expect(cell(KEY, { state: 'done' }, files, '/out', MADE)).toEqual({
    state: 'done',
    thumbnail: `ec2/renditions/${KEY}/160.webp`,
    renditions: ['160.webp', '640.webp', '1280.webp'].map((name) => ({
      name,
      path: `ec2/renditions/${KEY}/${name}`,
      bytes: 1,
      sha256: 'ab',
    })),
  });
});

test('shows no rendition when the record is newer', () => {
  const files = new Map([...renditions('01'), record('02')]);
  const rejected = { state: 'rejected', reason: 'corrupt', detail: 'cut off' } as const;
  expect(cell(KEY, rejected, files, '/out', MADE)).toEqual({ ...rejected, renditions: [] });
});

test('shows of a picture that is being replaced what is there of the newer version', () => {
  const [first] = renditions('02');
  const files = new Map([...renditions('01'), ...(first ? [first] : [])]);
  expect(cell(KEY, { state: 'done' }, files, '/out', MADE).renditions.map(({ name }) => name)).toEqual(['160.webp']);
});

test('looks for what this way was told to make', () => {
  const name = `renditions/${KEY}/320.jpg`;
  const made = { widths: [320], format: 'jpeg' } as const;
  const { renditions: shown } = cell(KEY, { state: 'done' }, new Map([[name, file(name, '01')]]), '/out', made);
  expect(shown.map(({ name: shownAs }) => shownAs)).toEqual(['320.jpg']);
});
