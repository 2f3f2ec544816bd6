import { difference, normalised } from '../support/normalised';
import { SETTINGS, synth, type Way } from '../support/synth';

/** Tests that a template is the one that was last reviewed: `npm test -- -u` writes it anew, and the diff shows what. */
export function snapshotOf(way: Way): void {
  test('the template is as reviewed', () => {
    expect(normalised(synth(way).template)).toMatchSnapshot();
  });

  test.each(['production', 'spot'] as const)('what %s changes in it is as reviewed', (name) => {
    expect(difference(synth(way).template, synth(way, SETTINGS[name]).template)).toMatchSnapshot();
  });

  test('other bundles make no other snapshot', () => {
    const [one, other] = ['one', 'other'].map((content) => synth(way, {}, content).template);
    expect(one).not.toEqual(other);
    expect(normalised(one)).toEqual(normalised(other));
  });
}
