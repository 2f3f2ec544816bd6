import { createHash } from 'node:crypto';
import { type Json, synth, type Way } from '../support/synth';

/** Tests that a template is the one that was last reviewed: `npm test -- -u` writes it anew, and the diff shows what. */
export function snapshotOf(way: Way): void {
  test('the template is as reviewed', () => {
    expect(normalised(synth(way).template)).toMatchSnapshot();
  });

  test('other bundles make no other snapshot', () => {
    const [one, other] = ['one', 'other'].map((content) => synth(way, {}, content).template);
    expect(one).not.toEqual(other);
    expect(normalised(one)).toEqual(normalised(other));
  });
}

/** Without what changes by itself: hashes of assets, and what CDK puts in about its own bootstrap. */
function normalised({ Resources, Outputs, Conditions }: Json): Json {
  return masked({ Resources, Outputs, Conditions });
}

function masked(value: Json, key = ''): Json {
  if (Array.isArray(value)) return value.map((each) => masked(each));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, masked(each, name)]));
  }
  if (typeof value !== 'string') return value;
  // Code of CDK's own: a hash tells that it changed.
  if (key === 'ZipFile') return `(sha256 ${createHash('sha256').update(value).digest('hex').slice(0, 12)})`;
  // What goes to Kubernetes is JSON in a string, and easier to review as what it says.
  if (key === 'Manifest' || key === 'Values') return masked(JSON.parse(value));
  // Not the digest of somebody else's image, which only we change.
  return value.replace(/(?<!sha256:)[0-9a-f]{64}/g, '(hash)');
}
